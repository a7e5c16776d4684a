"""The gate: is a part slower than the committed baseline? `python -m bench.gate`, or `make gate`.

Two measures, neither of which minds a busy machine:

- instructions of the path of a cached lookup, counted by valgrind's callgrind: more than 5 per cent above
  the baseline is too slow;
- times of the parts (``bench/parts``) as multiples of a reference piece of work timed in the same run:
  clearly above the baseline in each of several runs is too slow.

A baseline holds for one minor version of Python on one architecture, and instructions for one build of
it: the reference is counted as well, and where it differs, instructions are not compared, which is said.
The baseline is changed by ``python -m bench.gate --accept`` and by nothing else.
"""
