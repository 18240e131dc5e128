"""One fault in the middle of a busy conversation, and what the people in it noticed (R13-R17).

Real servers, several app processes and people at both of them, who post, edit, read and check what
they read. In the middle one thing breaks. Each fault gives a row of figures:

    places          where MongoDB and Redis are: one of each, Sentinel, Cluster, replica set
    installation    the servers and the processes of one try
    author          one person who posts, edits, reads at the other process, and complains
    witness         a quiet corner, changed during the fault and never again
    tally           what all of them noticed
    faults          everything that may break, each a few lines
    trial           calm, fault, recovery, accounts: one row
    table           the rows as Markdown

``python -m tests.faults.harness`` tries everything; tests/faults/test_faults.py a short form.
docs/reliability.md says what the figures mean.
"""
