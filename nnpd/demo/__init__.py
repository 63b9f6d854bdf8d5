"""`make demo`: the main job from data to molecular dynamics, through the same doors that users take."""
