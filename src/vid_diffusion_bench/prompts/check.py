"""What a prompt must be, wherever it comes from."""

from __future__ import annotations

from typing import Final

from vid_diffusion_bench.exceptions import InvalidPromptError

MAX_PROMPT_CHARACTERS: Final = 10_000


def check_prompt(prompt: object, number: int = 1, *, where: str | None = None) -> None:
    """Raise :class:`InvalidPromptError` unless ``prompt`` is a text of 1 to 10,000 characters.

    ``where`` names the prompt in the message ("prompts.txt, line 3"); otherwise it is called by its ``number``.
    """
    name = where or f"prompt {number}"
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidPromptError(f"{name} is empty", remedy="write what the clip should show")
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise InvalidPromptError(
            f"{name} has {len(prompt):,} characters; at most {MAX_PROMPT_CHARACTERS:,} are taken",
            details={"prompt": number, "characters": len(prompt)},
        )
    if any(0xD800 <= ord(character) <= 0xDFFF or character == "\0" for character in prompt):
        raise InvalidPromptError(f"{name} holds characters that are not text (NUL or a lone surrogate)")
