"""How a run goes, and what is known of it afterwards: what `record` is made of.

A run (`run`, `drive`) has a loop of its own (`loops`, or the virtual one of `helpers.clock`), which
stamps each step (`stamping`, `stamps`, `watching`) into a log (`runlog`). From that `assemble`
makes the trace, with the `findings` in sentences.
"""
