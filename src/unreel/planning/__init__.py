"""What a pretraining will take before it is begun: time, CPUs, storage, network, money (docs/scaling.md).

counting        what a step asks for: operations, weights, vectors exchanged      (imports torch)
rates           what a device does in a second: measured, given or from its peak  (imports torch)
communication   bytes and seconds of what processes exchange
stragglers      how long the slowest of many takes
model           the seconds of a step, and what limits it
costs           steps, hours and bytes of a whole pretraining
"""
