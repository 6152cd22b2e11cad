"""`cmd/update` and `cmd/model`: pieces of signed bundles, or where to fetch them. Nothing is trusted or run here."""

from edge.errors import UpdateError
from edge.updates.inbox import Inbox, Request
from edge.updates.lock import UpdateBusyError
from edge.wire import Reply, UpdateCommand

_OTHER_BYTES = (
    "what came is not the bundle of this sha256 and was dropped; send it once more, and if this comes again another one"
)


def receive(inbox: Inbox, command: UpdateCommand, *, is_undated: bool) -> Reply:
    """Keep the piece; the reply's `have` says where the next one begins. The same piece twice does no harm.

    A sender that does not know how far it came sends an empty piece and is told.
    """
    try:
        if command.url is not None:
            size_bytes = command.size_bytes
            inbox.ask_for(Request(url=command.url, sha256=command.sha256, bytes=size_bytes, is_undated=is_undated))
            have = inbox.have_bytes(command.sha256, command.size_bytes)
        else:
            have = inbox.add(command.sha256, command.size_bytes, command.offset, command.data)
            if have == 0 and command.data and command.offset + len(command.data) == command.size_bytes:
                return Reply(id=command.id, code="done", have=0, detail=_OTHER_BYTES)
    except UpdateBusyError as why:
        return Reply(id=command.id, code="busy", detail=str(why))
    except UpdateError as why:
        return Reply(id=command.id, code="not_kept", detail=str(why))
    return Reply(id=command.id, code="done", have=have)


def is_worth_a_note(command: UpdateCommand, reply: Reply) -> bool:
    """Begin, end and trouble stand in the audit trail; pieces between, and asking again, would wear the card."""
    begins = command.url is not None or (command.offset == 0 and bool(command.data))
    ends = reply.have == command.size_bytes or reply.detail
    return reply.code != "busy" and bool(begins or reply.code != "done" or ends)
