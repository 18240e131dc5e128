"""A process of its own that changes one message many times: `python -m tests.models.adding`.

It gets one JSON object on its standard input: where the servers are, the message, a name and how
often. It waits for another line before it begins, and answers the numbers of its changes.
"""

import json
import sys

from app import create_app
from chat.models.message_change import change
from tests.support.processes import SECRET_KEY


def main() -> None:
    task = json.loads(sys.stdin.readline())
    app = create_app({"SECRET_KEY": SECRET_KEY, **task["places"]})
    print("ready", flush=True)
    sys.stdin.readline()
    revs = []
    with app.app_context():
        for number in range(task["times"]):
            element = f"{task['name']} {number}"
            update = {"$addToSet": {"probes": element}, "$set": {"text": element},
                      "$inc": {"changes": 1}}  # fmt: skip
            outcome = change(task["message"], update, {"probes": {"$ne": element}})
            assert outcome.message, outcome
            revs.append(outcome.message["rev"])
    print(json.dumps(revs), flush=True)


main()
