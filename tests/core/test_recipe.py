"""The recipe: defaults are valid, impossible values are refused by name, and the hash is of content."""

import json

import pytest

from nnp.core import errors, recipe


def test_defaults_are_a_recipe_and_survive_json() -> None:
    wanted = recipe.Recipe()
    again = recipe.parse(json.loads(wanted.model_dump_json()))
    assert again == wanted
    assert recipe.recipe_hash(again) == recipe.recipe_hash(wanted)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"cutoff": 0}, "cutoff"),
        ({"cutoff": float("nan")}, "cutoff"),
        ({"replicas": []}, "replicas"),
        ({"replicas": [{"hidden": [8]}]}, "replicas"),
        ({"committee": []}, "committee"),
        ({"committee": [{"hidden": []}]}, "committee.0.hidden"),
        ({"committee": [{"hidden": [8], "activation": "relu"}]}, "committee.0.activation"),
        ({"test_fraction": 1}, "test_fraction"),
        ({"validation_fraction": 0}, "validation_fraction"),
        ({"loss": {"force": -1}}, "loss.force"),
        ({"loss": {"energy": 0, "force": 0}}, "loss"),
        ({"group_weights": {"liquid": -2}}, "group_weights.liquid"),
        ({"symmetry_functions": {"kind": "power_spectrum", "radial": 0}}, "symmetry_functions.radial"),
        ({"symmetry_functions": {"kind": "bispectrum"}}, "symmetry_functions"),
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"cutof": 5}, "cutof"),
        ({"validation_fraction": 0.6, "test_fraction": 0.5}, "recipe"),
    ],
)
def test_impossible_values_are_refused_with_their_field(data: dict, field: str) -> None:
    with pytest.raises(errors.RecipeError) as caught:
        recipe.parse(data)
    assert caught.value.field == field
    assert caught.value.reason


def test_hash_does_not_depend_on_what_is_written_out() -> None:
    assert recipe.recipe_hash(recipe.parse({"seed": 0})) == recipe.recipe_hash(recipe.Recipe())
    assert recipe.recipe_hash(recipe.parse({"seed": 1})) != recipe.recipe_hash(recipe.Recipe())


def test_every_field_is_described() -> None:
    def fields(schema: dict) -> list[tuple[str, dict]]:
        return [(name, field) for name, field in schema.get("properties", {}).items() if name != "kind"]

    schema = recipe.Recipe.model_json_schema()
    for owner in (schema, *schema["$defs"].values()):
        for name, field in fields(owner):
            assert field.get("description"), f"{owner['title']}.{name}"
