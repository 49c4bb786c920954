"""What a pretraining will take before it is begun: time, CPUs, storage, network, money (docs/scaling.md).

question   what is asked: the options of `unreel plan`
counting   what a step asks for: operations, weights, vectors           (imports torch)
rates      what a device does in a second: measured, given, documented  (imports torch)
model      the seconds of a step, what limits it, what it needs
costs      steps, hours and bytes of a whole pretraining
plan       the answer
"""
