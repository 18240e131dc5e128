"""A fault during a busy conversation, and its effect on the people in it (R13-R17).

There are real servers, several app processes, and people at two of them, who post, edit, read and
check every answer. Then one thing fails. Each fault gives a row of figures:

    places          the kinds of MongoDB and Redis: one of each, Sentinel, Cluster, replica set
    installation    the servers and processes of one trial
    author          a person who posts, edits, reads at the other process, and checks the answers
    witness         a quiet channel, changed once during the fault
    tally           counts what all of them noticed
    faults          all faults, each a few lines
    trial           calm, fault, recovery, final check: one row
    table           the rows as Markdown

``python -m tests.faults.harness`` runs all trials, tests/faults/test_faults.py a few short ones.
docs/reliability.md explains the figures.
"""
