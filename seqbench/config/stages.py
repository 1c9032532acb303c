"""The stages by name; knowing what there is imports none of them."""

STAGES: dict[str, str] = {
    "adapt": "seqbench.stages.adapt:AdaptStage",
    "likelihood": "seqbench.stages.likelihood:LikelihoodStage",
    "finetune": "seqbench.stages.finetune:FinetuneStage",
    "extract": "seqbench.stages.extract:ExtractStage",
    "probe": "seqbench.stages.probe:ProbeStage",
    "perturb": "seqbench.stages.perturb:PerturbStage",
}
"""Each stage and the `module:Class` behind it, in the order in which they plan.

A stage sees what those before it plan. One that has a section of its name in the config is left out of
`seqbench run` where the section is empty (null or an empty list).
"""
