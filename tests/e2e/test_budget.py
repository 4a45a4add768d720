# SPDX-License-Identifier: MIT
"""test_budget - large bodies share the memory that -m gives them"""

import concurrent.futures

from fcgiclient import Peer, endpoint, new_spool, records
from harness import Handler, eq, has, main, ok, test, wait_for

MIB = 1024 * 1024
LARGE = b'{"x":"' + b"y" * (MIB - 8) + b'"}'  # all of -m 1
SMALL = b'{"x":"' + b"y" * (64 * 1024 - 8) + b'"}'  # needs none of it


def held(handler, spool):
    """A connection that has sent all of a large body but its end"""
    *most, last, end = records(LARGE, 64, **endpoint(spool.path))
    return Peer(handler).send(*most).taken(), last + end


@test("-m: a body that stalls makes room for one that does not")
def _():
    spool = new_spool()
    with Handler(args=("-m", "1")) as handler:
        # One has all of the budget, the other comes on top of it.
        first, second = (held(handler, spool)[0] for _ in range(2))
        with first, second:
            got = handler.request(SMALL, **endpoint(spool.path))
            eq("status of a small one", got.status, 200)
            # No body is cut off in its first second.
            got = handler.request(LARGE, **endpoint(spool.path))
            eq("status of a large one", got.status, 200)
            got = first.answer()
            eq("status of the one that stalls", got.status, 503)
            eq("rule", got.rule(), "too-slow")
            ok("it may come again", got.header("Retry-After"))
            # Its place is enough.
            got = handler.request(LARGE, **endpoint(spool.path))
            eq("status of the next large one", got.status, 200)
        eq("status at the end", handler.stop(), 0)
        eq("what is stored", sorted(
            message.data for message in spool.messages()), sorted(
                [SMALL, LARGE, LARGE]))
        has("the log", handler.new_log(),
            "memory for large bodies was short (-m)")


@test("-m: one body does not take the room of all others")
def _():
    spool = new_spool()
    whole = b'{"x":"' + b"y" * (8 * MIB) + b'"}'
    with Handler(args=("-m", "2")) as handler, \
            Peer(handler) as larger, Peer(handler) as again:
        # Over 1 MiB have half of it; a second of this size waits.
        *most, last, end = records(whole, 256, **endpoint(spool.path))
        larger.send(*most).taken()
        again.send(*most[:48])
        for _ in range(3):
            got = handler.request(LARGE, **endpoint(spool.path))
            eq("status of others", got.status, 200)
        larger.send(last, end)
        eq("status of the larger one", larger.answer().status, 200)
        eq("status at the end", handler.stop(), 0)
    eq("messages", len(spool.names("new")), 4)


@test("-m: many large bodies at once wait for each other")
def _():
    spool = new_spool()
    with Handler(args=("-m", "2")) as handler, \
            concurrent.futures.ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(handler.request, LARGE, **endpoint(spool.path))
                 for _ in range(12)]
        eq("statuses", {call.result().status for call in calls}, {200})
    eq("messages", len(spool.names("new")), 12)


@test("-m: one that broke off gives its room back, and one alone has all")
def _():
    spool = new_spool()
    larger = b'{"x":"' + b"y" * (4 * MIB) + b'"}'
    with Handler(args=("-m", "1")) as handler:
        first, _ = held(handler, spool)
        first.finish_sending().at_end()
        first.close()
        # The thread that had it may yet be at its end.
        wait_for(lambda: handler.request(
            larger, **endpoint(spool.path)).status == 200, "room for it")
        eq("what is stored", spool.one().data, larger)


if __name__ == "__main__":
    main()
