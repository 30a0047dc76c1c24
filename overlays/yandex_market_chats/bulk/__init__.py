"""Sends many messages through a journal, which survives a crash of the program.

    from yandex_market_chats import MarketChats
    from yandex_market_chats.bulk import Journal, read_rows

    rows = read_rows("orders.csv")
    with Journal("orders.csv.journal") as journal, MarketChats() as chats:
        journal.add(rows)
        journal.send(chats)

The journal is an SQLite file that records each row before and after its call. Running the same program again
sends what is still waiting, and nothing else: no row is sent twice, and none is lost silently.

`Journal` works with threads and `MarketChats` only; there is no async version, because the hourly limit and
the disk, not the number of connections, decide how fast a run is.
"""

from ._files import read_rows, write_report
from ._journal import Journal
from ._rows import Added, Entry, Progress, Row, State
from ._store import JournalError

__all__ = [
    "Added",
    "Entry",
    "Journal",
    "JournalError",
    "Progress",
    "Row",
    "State",
    "read_rows",
    "write_report",
]
