"""Why the server cannot be used, in the reader's language, by the word that edge/mqtt gives it."""

from edge.page.words import gettext


def link_words(word: str) -> str:
    """What is wrong and what to do; empty for a word without one, whose English sentence stands beside it."""
    cannot = gettext("The server does not take what this node sends: ask who runs it.")
    words = {
        "no_subscriber": gettext("Nobody at the server receives the results yet; they are kept."),
        "no_commands": gettext("The server sends this node no commands: correct its rights there."),
        "not_authorised": gettext("The server does not allow this node: correct its rights there."),
        "bad_login": gettext("The server does not accept user name and password: correct them."),
        "shut_out": gettext(
            "The server, or what stands before it, ends the connection at the log-in: check that it runs and the port; "
            "if both are right, this node's certificate may be revoked or missing, or it wants TLS (mqtt.tls)."
        ),
        "certificate": gettext("The server's certificate is not trusted: check the certificate file and the clock."),
        "tls": gettext("The server does not secure the line as expected: check the port."),
        "client_id": gettext("The server does not accept this node's name."),
        "taken_over": gettext("Another device uses this node's name: give each one its own."),
        "banned": gettext("The server has locked this node out: ask who runs it."),
        "quota": gettext("The server takes no more from this node: ask who runs it."),
        "moved": gettext("The server has moved: ask who runs it for its new address."),
        "too_large": cannot,
        "no_retain": cannot,
        "no_qos": cannot,
        "protocol": gettext("The server does not speak MQTT 5: use one that does."),
        "budget_spent": gettext("Today's data is used up; results wait for tomorrow, warnings are still sent."),
        "budget_low": gettext("Little of today's data is left: the server is asked again within the hour."),
        "sightings_wait": gettext(
            "Little of today's data is left: some results wait for tomorrow, counts and warnings are still sent."
        ),
        "store_fails": gettext("The memory card holds up delivery: results wait on the node, which tries again."),
        "unknown_host": gettext("The server's name is not known: check the name and the network."),
        "no_answer": gettext(
            "The server or the line does not answer; the node tries again. If it has never answered, check the port."
        ),
        "nobody_listens": gettext("Nothing answers at this address and port: check that the server runs."),
    }
    trying = gettext("The server or the line does not answer; the node tries again.")
    again = (
        "no_acknowledgement", "connection_lost", "connect_hangs", "unreachable", "unavailable", "busy",
        "shutting_down", "keepalive",
    )  # fmt: skip
    return (words | dict.fromkeys(again, trying)).get(word, "")
