"""Read answers to ``GET`` as they come in on a connection: what both forms of the HTTP client share, pure.

A health check wants to know the status. The rest is read because another answer may follow it.
"""

from __future__ import annotations

import httptools

_MOST_BYTES = 64 * 1024


class BrokenAnswerError(Exception):
    """What came is no whole answer."""


class AnswerReader:
    """Reads one answer after another of one connection.

    Attributes:
        status: Of this answer; 0 until it is known.
        is_done: Whether as much of it has come as is wanted.
        may_follow: Whether the connection can be asked again, once it is done.
    """

    def __init__(self) -> None:
        # It ends no answer but by its length. To one that ends with its connection, that is put right below.
        self._parser = httptools.HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Expect the next answer."""
        self.status = 0
        self.is_done = False
        self.may_follow = False
        self._has_length = False
        self._bytes = 0

    def feed(self, data: bytes) -> None:
        """Take in what came.

        Args:
            data: As much as there was; ``b""`` when the other side has closed the connection.
        Raises:
            BrokenAnswerError: It is no HTTP, or the answer has no end.
        """
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # After a whole answer, it is only the connection that is of no more use.
            self.may_follow = False
            if not self.is_done:
                raise BrokenAnswerError(str(error)) from error
        self._bytes += len(data)
        if self._bytes > _MOST_BYTES and not self.is_done:
            self._end_early()

    def on_message_begin(self) -> None:
        """Hear of what nobody asked for, if it comes right behind an answer."""
        self.may_follow = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Learn whether the end of the body can be told."""
        name = name.lower()
        if name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in value.lower()):
            self._has_length = True

    def on_headers_complete(self) -> None:
        """Learn the status."""
        self.status = self._parser.get_status_code()

    def on_message_complete(self) -> None:
        """Learn that this was all, unless it only said that an answer will come."""
        if self.status < 200 and self.status != 101:
            self.status = 0
            self._has_length = False
        elif not self.is_done:
            self.is_done = True
            self.may_follow = self._parser.should_keep_alive()

    def _end(self) -> None:
        if not self.status or self._has_length:
            raise BrokenAnswerError("the connection was closed amid the answer")
        self.is_done = True

    def _end_early(self) -> None:
        if not self.status:
            raise BrokenAnswerError(f"there was no status in {self._bytes} bytes")
        self.is_done = True
