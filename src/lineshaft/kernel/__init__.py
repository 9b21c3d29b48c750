"""What every context stands on: bus, clock, configuration, database, errors, ids, logs, plug-ins, tasks, terms.

It knows nothing of plants. Contexts import its files directly (`from lineshaft.kernel.errors import Invalid`).
"""
