"""YAML that users write: plain values, and errors of one kind."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.events import AliasEvent


class _PlainLoader(yaml.SafeLoader):
    """Refuses aliases: a few lines of them unfold to any size."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node of the document."""
        if self.check_event(AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not used here", event.start_mark)
        return super().compose_node(parent, index)


def parse_yaml(text: str) -> Any:
    """The document in a text.

    Raises:
        yaml.YAMLError: it is no YAML, has aliases, a date that there is not, or thousands of levels.
    """
    try:
        return yaml.load(text, _PlainLoader)  # a SafeLoader: no objects are made
    except (ValueError, RecursionError) as error:
        raise yaml.YAMLError(str(error)) from None
