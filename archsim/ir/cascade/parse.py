"""The text form of einsums: ``QK[b,h,m,p] = sum(e) Q[b,h,p,e] * K[b,h,m,e]``.

::

    einsum  = access "=" [reduce "(" rank {"," rank} ")"] map
    map     = operand | operand sign operand {sign operand} | "exp" "(" operand "-" operand ")"
            | name "(" operand {"," operand} ")"
    operand = access | number | SIZE
    access  = name "[" [index {"," index}] "]"
    index   = rank | rank "+" number | rank "//" (number | SIZE) | SIZE

A rank is written in small letters, its size in capitals.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.cascade.einsum import Access, Constant, Einsum, Index, Operand
from archsim.ir.cascade.operators import MAPS, REDUCES, SIGNS

_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>//|[-+*/(),\[\]=])|(?P<other>\S)"
)
_RANK = re.compile(r"[a-z][a-z_0-9]*")
_SIZE = re.compile(r"[A-Z][A-Z_0-9]*")


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse_einsum(text: str) -> Einsum:
    """The einsum that a text means.

    Raises
    ------
    BadInput
        Not an einsum: the message names it and shows the place. Or an einsum that cannot be, see `Einsum`.
    UnknownName
        An operator that is not registered.

    >>> str(parse_einsum("SN[m,p]=exp(QK[m,p]-GM[p])"))
    'SN[m,p] = exp(QK[m,p] - GM[p])'
    """
    return _Reader(text).einsum()


def parse_access(text: str) -> Access:
    """A tensor with its ranks, as an input is declared: ``Q[b,h,p,e]``.

    Raises
    ------
    BadInput
        Not a tensor with plain ranks.
    """
    reader = _Reader(text)
    access = reader.access()
    reader.end()
    for index in access.indices:
        if str(index) != index.rank:
            raise BadInput(f"index {index} in {text!r}", right="an input is declared with plain ranks: Q[b,h,p,e]")
    return access


def parse_call(text: str) -> tuple[str, tuple[str, ...]]:
    """A name with bare arguments: ``window(m,p,W)``.

    Raises
    ------
    BadInput
        Not of this form.
    """
    reader = _Reader(text)
    name = reader.take("name", "a name").text
    reader.sign("(")
    arguments = [reader.word()]
    while reader.skip(","):
        arguments.append(reader.word())
    reader.sign(")")
    reader.end()
    return name, tuple(arguments)


def is_rank(text: str) -> bool:
    """Whether a text is a rank's name: small letters, digits, underscores."""
    return _RANK.fullmatch(text) is not None


def is_size(text: str) -> bool:
    """Whether a text is the symbol of a size: capitals, digits, underscores."""
    return _SIZE.fullmatch(text) is not None


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.source = text
        self.tokens = [_Token(str(m.lastgroup), m.group(), m.start()) for m in _TOKEN.finditer(text)]
        self.tokens.append(_Token("end", "", len(text)))
        self.position = 0
        self.name = ""

    def einsum(self) -> Einsum:
        output = self.access()
        self.name = output.tensor
        self.sign("=")
        reduce, over = self._reduction()
        name, operands = self._map()
        self.end()
        return Einsum(output, name, operands, reduce, over)

    def access(self) -> Access:
        tensor = self.take("name", "a tensor").text
        self.sign("[")
        indices: list[Index] = []
        if not self.skip("]"):
            indices.append(self._index())
            while self.skip(","):
                indices.append(self._index())
            self.sign("]")
        return Access(tensor, tuple(indices))

    def _reduction(self) -> tuple[str, tuple[str, ...]]:
        """``sum(e)``: told from a function of tensors by the bare ranks in it."""
        ahead = self.tokens[self.position : self.position + 4]
        if len(ahead) < 4 or ahead[0].kind != "name" or ahead[1].text != "(" or not is_rank(ahead[2].text):
            return "", ()
        if ahead[3].text not in {",", ")"}:
            return "", ()
        name = self._next()
        if name.text not in REDUCES:
            raise UnknownName("reduce operator", name.text, REDUCES.names(), where=self._where())
        self.sign("(")
        over = [self._rank()]
        while self.skip(","):
            over.append(self._rank())
        self.sign(")")
        return name.text, tuple(over)

    def _map(self) -> tuple[str, tuple[Operand, ...]]:
        token, after = self.tokens[self.position], self.tokens[min(self.position + 1, len(self.tokens) - 1)]
        if token.kind == "name" and after.text == "(":
            return self._function()
        operands = [self._operand()]
        sign = self.tokens[self.position].text
        if sign not in SIGNS:
            return "copy", (operands[0],)
        while self.skip(sign):
            operands.append(self._operand())
        if self.tokens[self.position].text in SIGNS or (len(operands) > 2 and not MAPS.get(SIGNS[sign]).chains):
            self._fail("an einsum has one operator", "give the inner result a name and an einsum of its own")
        return SIGNS[sign], tuple(operands)

    def _function(self) -> tuple[str, tuple[Operand, ...]]:
        name = self._next().text
        if name not in MAPS:
            raise UnknownName("operator", name, {*MAPS.names(), *REDUCES.names()}, where=self._where())
        self.sign("(")
        operands = [self._operand()]
        if name == "exp" and self.skip("-"):
            name = "subexp"
            operands.append(self._operand())
        while self.skip(","):
            operands.append(self._operand())
        if self.tokens[self.position].text in SIGNS:
            self._fail("only exp takes a difference", "give the inner result a name and an einsum of its own")
        self.sign(")")
        if self.tokens[self.position].text in SIGNS:
            self._fail("an einsum has one operator", "give the inner result a name and an einsum of its own")
        return name, tuple(operands)

    def _operand(self) -> Operand:
        token = self.tokens[self.position]
        if token.kind == "number":
            return Constant(float(self._next().text))
        if token.text == "-" and self.tokens[self.position + 1].kind == "number":
            self._next()
            return Constant(-float(self._next().text))
        if token.kind == "name" and self.tokens[self.position + 1].text == "[":
            return self.access()
        if token.kind == "name" and is_size(token.text):
            return Constant(self._next().text)
        return self._fail(f"expected a tensor, found {_told(token)}", "a tensor has its ranks in brackets: QK[m,p]")

    def _index(self) -> Index:
        token = self.take("name", "a rank")
        if is_size(token.text):
            return Index(token.text.lower(), final=True)
        if not is_rank(token.text):
            self.position -= 1
            self._fail(f"{token.text!r} is not a rank", "a rank is written in small letters, its size in capitals")
        if self.skip("+"):
            step = self.take("number", "a whole number").text
            if step != "1":
                self.position -= 1
                self._fail(f"a step of {step}", f"a running rank takes one step at a time: {token.text}+1")
            return Index(token.text, step=1)
        if self.skip("//"):
            over = self.word()
            if not (is_size(over) or (over.isdecimal() and int(over) > 0)):
                self.position -= 1
                self._fail(f"divided by {over!r}", "a positive whole number or a size, as in h//G")
            return Index(token.text, over=int(over) if over.isdecimal() else over)
        return Index(token.text)

    def _rank(self) -> str:
        token = self.take("name", "a rank")
        if not is_rank(token.text):
            self.position -= 1
            self._fail(f"{token.text!r} is not a rank", "a rank is written in small letters, its size in capitals")
        return token.text

    def word(self) -> str:
        """A name or a number, as it is written."""
        kind = "number" if self.tokens[self.position].kind == "number" else "name"
        return self.take(kind, "a name or a number").text

    def take(self, kind: str, meant: str) -> _Token:
        """The next token, which must be of this kind."""
        if self.tokens[self.position].kind != kind:
            self._fail(f"expected {meant}, found {_told(self.tokens[self.position])}")
        return self._next()

    def sign(self, text: str) -> None:
        """Step over a sign that must be there."""
        if not self.skip(text):
            self._fail(f"expected {text!r}, found {_told(self.tokens[self.position])}")

    def skip(self, text: str) -> bool:
        """Step over a sign if it is there."""
        if self.tokens[self.position].text != text:
            return False
        self.position += 1
        return True

    def end(self) -> None:
        """Nothing may be left."""
        if self.tokens[self.position].kind != "end":
            self._fail(f"expected the end, found {_told(self.tokens[self.position])}")

    def _next(self) -> _Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def _where(self) -> str:
        return f"einsum {self.name}" if self.name else "einsum"

    def _fail(self, what: str, right: str = "") -> NoReturn:
        at = self.tokens[self.position].at
        shown = f"{self.source}\n{' ' * at}^"
        raise BadInput(
            f"{what}, at character {at + 1}", where=self._where(), right=f"{shown}\n{right}" if right else shown
        )


def _told(token: _Token) -> str:
    return "the end" if token.kind == "end" else repr(token.text)
