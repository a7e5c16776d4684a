"""The answer cache: finished responses by raw request, dropped by topic, bounded in bytes.

Guarantees
    - An answer is in the cache only while nothing it was made from has changed: dropping a topic
      removes every answer made from it before the next request is looked at.
    - The bytes held stay below the bound, whatever is asked: past it the oldest answers go that
      nobody has asked for since the last look (second chance), so a flood of odd query strings
      pushes out itself and not the busy answers.

Rejected
    - Exact least-recently-used order: it costs a write to the dictionary on every hit, which is
      more than the rest of the hit. A flag on the answer is free.
"""

from registry.http.answer import Answer

Key = tuple[bytes, bytes]
"""Raw path and raw query string."""


class AnswerCache:
    """Answers by key.

    Attributes:
        answers: the mapping; read it directly on the fast path and set ``used`` on what is found.
        bytes_held: memory that the answers take.
    """

    def __init__(self, bytes_max: int) -> None:
        self.answers: dict[Key, Answer] = {}
        self.bytes_held = 0
        self._bytes_max = bytes_max
        self._keys_by_topic: dict[str, set[Key]] = {}
        self._sizes: dict[Key, int] = {}

    def put(self, key: Key, answer: Answer) -> None:
        """Keep an answer, unless it alone is larger than an eighth of the cache."""
        size = answer.size + len(key[0]) + len(key[1])
        if size > self._bytes_max // 8:
            return
        if key in self.answers:
            self._remove(key)
        self.answers[key] = answer
        self._sizes[key] = size
        self.bytes_held += size
        for topic in answer.topics:
            self._keys_by_topic.setdefault(topic, set()).add(key)
        if self.bytes_held > self._bytes_max:
            self._evict()

    def grew(self, key: Key) -> None:
        """Take note that an answer has got its compressed form."""
        answer = self.answers.get(key)
        if answer is None:
            return
        size = answer.size + len(key[0]) + len(key[1])
        self.bytes_held += size - self._sizes[key]
        self._sizes[key] = size
        if self.bytes_held > self._bytes_max:
            self._evict()

    def drop(self, topics: set[str]) -> None:
        """Remove every answer made from one of the topics."""
        for topic in topics:
            for key in self._keys_by_topic.pop(topic, ()):
                self._remove(key)

    def clear(self) -> None:
        """Remove everything."""
        self.answers.clear()
        self._keys_by_topic.clear()
        self._sizes.clear()
        self.bytes_held = 0

    def _remove(self, key: Key) -> None:
        answer = self.answers.pop(key, None)
        if answer is None:
            return
        self.bytes_held -= self._sizes.pop(key)
        for topic in answer.topics:
            keys = self._keys_by_topic.get(topic)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._keys_by_topic[topic]

    def _evict(self) -> None:
        """Go round once from the oldest: who was used moves to the end, who was not goes."""
        for key in list(self.answers):
            if self.bytes_held <= self._bytes_max * 7 // 8:
                return
            answer = self.answers[key]
            if answer.used:
                answer.used = False
                self.answers[key] = self.answers.pop(key)
            else:
                self._remove(key)
        for key in list(self.answers):
            if self.bytes_held <= self._bytes_max:
                return
            self._remove(key)
