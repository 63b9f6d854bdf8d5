"""The keywords of `input.nn`: which a prediction needs, which only steer a training, which are beyond this program.

Sources: the keyword lists of n2p2 (https://compphysvienna.github.io/n2p2/topics/keywords.html) and of RuNNer 1.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from nnp.core import errors
from nnp.learn.foreign.sources import File, Line


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NAMES = _words(
    """
    number_of_elements elements atom_energy cutoff_type
    symfunction_short element_symfunction_short global_symfunction_short
    scale_symmetry_functions center_symmetry_functions scale_symmetry_functions_sigma scale_min_short scale_max_short
    global_hidden_layers_short global_nodes_short global_activation_short
    element_hidden_layers_short element_nodes_short element_activation_short
    normalize_nodes mean_energy conv_energy conv_length nnp_type nn_type_short
    """
)
"""Keywords that are read."""

SEVERAL = _words(
    """
    atom_energy symfunction_short element_symfunction_short global_symfunction_short
    element_hidden_layers_short element_nodes_short element_activation_short
    """
)
"""Keywords that may stand in several lines."""

ALIASES = {
    "symfunction": "symfunction_short",
    "global_symfunction_short_atomic": "global_symfunction_short",
    "global_nodes_short_atomic": "global_nodes_short",
    "scale_min_short_atomic": "scale_min_short",
    "scale_max_short_atomic": "scale_max_short",
    "nn_type": "nnp_type",
    "nnp_gen": "nnp_type",
    "nnp_generation": "nnp_type",
    "nnp_type_gen": "nnp_type",
}
"""Other names of keywords."""

IGNORED = _words(
    """
    analyze_composition analyze_error analyze_error_charge_step analyze_error_energy_step analyze_error_force_step
    biasweights_max biasweights_min bond_threshold
    calculate_final_force calculate_forces calculate_stress check_forces check_input_forces
    data_clustering debug_mode detailed_timing detailed_timing_epoch dynamic_force_grouping
    element_decoupled_forces_v2 element_decoupled_kalman energy_fraction energy_threshold
    enforce_max_num_neighbors_atomic environment_analysis epochs
    find_contradictions fitmode fitting_unit fix_weights fixed_short_energy_error_threshold
    fixed_short_force_error_threshold force_energy_ratio force_fraction force_grouping_by_structure force_threshold
    force_update_scaling force_weight
    gradient_adam_beta1 gradient_adam_beta2 gradient_adam_epsilon gradient_adam_eta gradient_adam_weight_decay
    gradient_eta gradient_type growth_mode
    initialization_only jacobian_mode joint_energy_force_update
    kalman_damp_force kalman_damp_short kalman_epsilon kalman_eta kalman_etamax kalman_etatau kalman_lambda_short
    kalman_nue_short kalman_q0 kalman_qmin kalman_qtau kalman_type
    main_error_metric max_energy max_force md_mode memorize_symfunc_results mix_all_points
    nguyen_widrow_weights_short noise_energy noise_force normalize_data_set
    optmode_short_energy optmode_short_force
    parallel_mode points_in_memory nblock precondition_weights prepare_md print_all_deshortdw print_all_dfshortdw
    print_all_short_weights print_convergence_vector print_date_and_time print_force_components print_mad
    print_sensitivity
    random_number_type random_order_training random_seed read_kalman_matrices read_unformatted remove_atom_energies
    repeated_energy_update reset_kalman restrict_weights rmse_threshold rmse_threshold_energy rmse_threshold_force
    rmse_threshold_trials rmse_threshold_trials_energy rmse_threshold_trials_force runner_mode
    save_kalman_matrices selection_mode selection_mode_energy selection_mode_force separate_bias_ini_short
    separate_kalman_short short_energy_error_threshold short_energy_fraction short_energy_group
    short_force_error_threshold short_force_fraction short_force_group silent_mode steepest_descent_step_energy_short
    steepest_descent_step_force_short symfunction_correlation
    task_batch_size_energy task_batch_size_force test_fraction
    update_single_element update_strategy update_worst_short_energies update_worst_short_forces updater_type use_damping
    use_old_scaling use_old_weights_short use_omp_mkl use_short_forces use_short_nn use_systematic_weights_short
    use_atom_charges use_atom_energies
    weight_analysis weight_constraint weights_max weights_min write_binding_energy_only write_fit_statistics
    write_neuronstats write_pdb write_pov write_pwscf write_symfunctions write_temporary_weights write_trainforces
    write_trainlog write_trainpoints write_unformatted write_weights_epoch write_xyz
    """
)
"""Keywords without influence on what a potential of the second generation predicts."""

ELECTROSTATIC = "charges and electrostatics (potentials of the third and fourth generation) are not supported"
DISPERSION = "dispersion corrections are not supported"
PAIRS = "networks of atom pairs and Hamiltonian networks are not supported"
_REASONS = {
    ELECTROSTATIC: """
    charge charge_error_threshold charge_fraction charge_group charge_grouping_by_structure charge_update_scaling
    conv_charge cutoff_electrostatic cutoff_ewald electrostatic_type enforce_totcharge
    ewald_alpha ewald_cutoff ewald_kmax ewald_prec ewald_truncation_error_method
    fixed_charge fixed_gausswidth four_pi_epsilon hardness initial_hardness
    kalman_damp_charge kalman_lambda_charge kalman_lambda_charge_constraint kalman_nue_charge
    kalman_nue_charge_constraint kspace_solver mean_charge nguyen_widrow_weights_charge nguyen_widrow_weights_ewald
    nn_type_elec noise_charge optmode_charge print_all_electrostatic_weights rmse_threshold_charge
    rmse_threshold_trials_charge scale_max_elec scale_min_elec screen_electrostatics selection_mode_charge
    steepest_descent_step_charge task_batch_size_charge total_charge_error_threshold update_worst_charges
    use_charge_constraint use_electrostatic_nn use_electrostatics use_fixed_charges
    use_gausswidth use_old_weights_charge use_systematic_weights_electrostatic weighte_constraint weightse_max
    weightse_min write_traincharges
    element_activation_electrostatic element_hidden_layers_electrostatic element_nodes_electrostatic
    element_symfunction_electrostatic global_activation_electrostatic global_hidden_layers_electrostatic
    global_nodes_electrostatic global_symfunction_elec global_symfunction_electrostatic symfunction_electrostatic
    """,
    DISPERSION: """
    cutoff_vdw nn_type_vdw remove_vdw_energies use_vdw vdw_coefficient vdw_cutoff vdw_param vdw_radius vdw_screening
    vdw_type
    """,
    PAIRS: """
    basis element_activation_ham element_activation_pair element_hamsymfunction element_hidden_layers_ham
    element_hidden_layers_pair element_nodes_ham element_nodes_pair element_pairsymfunction_short
    global_activation_ham global_activation_pair global_hidden_layers_ham global_hidden_layers_pair global_nodes_ham
    global_nodes_pair global_nodes_short_pair global_pairsymfunction_short global_symfunction_nntb_Hatomic
    global_symfunction_nntb_Hext global_symfunction_nntb_Hpair global_symfunction_nntb_S global_symfunction_short_pair
    nn_type_nntb pairsymfunction_short scale_max_ham scale_max_short_pair scale_min_ham scale_min_short_pair
    symfunction_nntb_Hatomic use_hamiltonian
    """,
}
REFUSED = {keyword: reason for reason, keywords in _REASONS.items() for keyword in keywords.split()}
"""Keyword -> why a potential with it cannot be imported."""

SECOND_GENERATION = frozenset({"2", "2G", "2G-HDNNP", "HDNNP_2G", "0"})
"""Values of `nnp_type` that mean short-range atomic networks; old n2p2 wrote 0."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line with a keyword: its arguments, and its number in the file (1-based)."""

    keyword: str
    words: tuple[str, ...]
    line: int


class Settings:
    """The keywords of one `input.nn` that a prediction needs.

    Raises:
        ForeignError: a keyword is unknown, unsupported or given twice, naming file and line.
    """

    def __init__(self, file: File) -> None:
        self.file = file.name
        self._entries: dict[str, list[Entry]] = {}
        self._problem: errors.ForeignError | None = None
        for line in file.lines("#!"):
            self._add(line)
        self._check_generation()  # first: what follows from another generation is not the cause
        if self._problem is not None:
            raise self._problem

    def one(self, keyword: str) -> Entry | None:
        """The entry of a keyword that stands at most once."""
        found = self._entries.get(keyword)
        return found[0] if found else None

    def needed(self, keyword: str, arguments: int = 1) -> Entry:
        """The entry of a keyword that must be there, with at least so many arguments."""
        entry = self.one(keyword)
        if entry is None:
            raise errors.ForeignError(file=self.file, reason=f"the keyword {keyword!r} is missing")
        return self.with_arguments(entry, arguments)

    def every(self, keyword: str) -> Sequence[Entry]:
        """The entries of a keyword in the order of the file."""
        return self._entries.get(keyword, [])

    def with_arguments(self, entry: Entry, count: int) -> Entry:
        """The entry, if it has at least so many arguments."""
        if len(entry.words) < count:
            plural = "" if count == 1 else "s"
            raise self.error(entry, f"{entry.keyword!r} needs {count} argument{plural}, not {len(entry.words)}")
        return entry

    def error(self, entry: Entry, reason: str) -> errors.ForeignError:
        """An error at the place of an entry."""
        return errors.ForeignError(file=self.file, line=entry.line, reason=reason)

    def _add(self, line: Line) -> None:
        given = line.words[0]
        keyword = ALIASES.get(given, given)
        entry = Entry(keyword=keyword, words=line.words[1:], line=line.number)
        if keyword in IGNORED:
            return
        if keyword in REFUSED:
            self._note(entry, f"keyword {given!r}: {REFUSED[keyword]}")
        elif keyword not in NAMES:
            self._note(entry, f"unknown keyword {given!r}{_suggestion(given)}")
        else:
            entries = self._entries.setdefault(keyword, [])
            if entries and keyword not in SEVERAL:
                self._note(entry, f"keyword {given!r} is given twice, first in line {entries[0].line}")
            entries.append(entry)

    def _note(self, entry: Entry, reason: str) -> None:
        """Keep the first problem."""
        self._problem = self._problem or self.error(entry, reason)

    def _check_generation(self) -> None:
        kind = self.one("nnp_type")
        if kind is not None and self.with_arguments(kind, 1).words[0] not in SECOND_GENERATION:
            raise self.error(
                kind,
                f"potential of type {kind.words[0]!r}: only short-range potentials (second generation, "
                f"'2G-HDNNP') are supported; {ELECTROSTATIC}",
            )
        networks = self.one("nn_type_short")
        if networks is not None and self.with_arguments(networks, 1).words[0] != "1":
            raise self.error(networks, f"'nn_type_short {networks.words[0]}': {PAIRS}; only type 1 (atoms) is")


def _suggestion(keyword: str) -> str:
    near = difflib.get_close_matches(keyword, [*NAMES, *ALIASES, *IGNORED, *REFUSED], n=1, cutoff=0.75)
    if near:
        return f"; did you mean {near[0]!r}?"
    return "; if it only steers a training, remove the line"
