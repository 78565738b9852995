"""Click options, environment, and TOML configuration, all made from the fields of settings.py.

A value comes from the command line, else from `EMCLI_NAME`, else from the `--config` file, else
from the default. Every value, wherever it comes from, is checked by `settings.build` in the same
words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, fields
from typing import Any

import click

from emcli.errors import UsageError
from emcli.files import print_text
from emcli.settings import build

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Option(click.Option):
    """A Click option that knows the bundle it is declared in; help is grouped by that."""

    group = "Other options"


class Command(click.Command):
    """A command made from a bundle of bundles of options.

    Its callback is called with the settings, then the arguments by name; `--help` lists the
    options bundle by bundle. configurable: it has --config and --show-config.
    """

    def __init__(
        self,
        name: str,
        callback: Callable[..., None],
        *arguments: click.Argument,
        bundle: type | None = None,
        configurable: bool = False,
        **words: Any,
    ) -> None:
        params: list[click.Parameter] = [*arguments]
        params += options(bundle) if bundle else []
        params += _CONFIG if configurable else []
        super().__init__(name, callback=callback, params=params, **words)
        self.bundle = bundle
        self.arguments = [argument.name for argument in arguments]

    def make_parser(self, ctx: click.Context) -> Any:
        """One that knows `-k` as a long option too: Click looks there first, and then for all that
        are like it, which takes 2 ms. So `-k=2` is `-k 2`."""
        parser: Any = super().make_parser(ctx)
        parser._long_opt |= parser._short_opt
        return parser

    def invoke(self, ctx: click.Context) -> Any:
        arguments = [ctx.params[name] for name in self.arguments if name]
        if self.bundle is None:
            return ctx.invoke(self.callback, *arguments)  # type: ignore[arg-type]
        settings, origin = resolve(self.bundle, ctx.params)
        if ctx.params.get("show_config"):
            return print_text(show_config(settings, origin))
        return ctx.invoke(self.callback, settings, *arguments)  # type: ignore[arg-type]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                groups.setdefault(getattr(parameter, "group", Option.group), []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


_CONFIG = [
    Option(
        ["config", "--config"], metavar="FILE",
        help="TOML file of options by their long names; the command line and EMCLI_* variables "
        "come before it.",
    ),
    Option(
        ["show_config", "--show-config"], is_flag=True,
        help="Print every option's value and where it came from, and stop.",
    ),
]  # fmt: skip


def declared(bundle: type) -> Iterator[tuple[type, Field[Any]]]:
    """Every option of a bundle of bundles, with the bundle it is a field of."""
    for group in fields(bundle):
        kind: Any = type(group.default)
        for field in fields(kind):
            yield kind, field


def options(bundle: type) -> list[click.Parameter]:
    """The Click options of a bundle of bundles (`FitSettings`, ...)."""
    return [_option(group, field) for group, field in declared(bundle)]


def _option(group: type, field: Field[Any]) -> Option:
    how = field.metadata
    names = [field.name, *how["flags"]]
    text = how["help"] + _default_in_words(field)
    if how.get("flag"):
        made = Option(names, help=text, is_flag=True, default=None)
    elif how.get("count"):
        made = Option(names, help=text, count=True, default=None)
    else:
        metavar = "|".join(how["choices"]) if "choices" in how else how["metavar"]
        made = Option(names, help=text, metavar=metavar, multiple=bool(how.get("repeat")))
    made.group = (group.__doc__ or "").splitlines()[0].rstrip(".")
    return made


def _default_in_words(field: Field[Any]) -> str:
    """`  [default: 10]`, or nothing where the help says it or there is none to show."""
    if field.default in (None, (), False, 0) and field.name != "seed":
        return ""
    return f"  [default: {_as_text(field.default)}]"


def _as_text(value: Any) -> str:
    """A value as one would type it."""
    if isinstance(value, tuple) and value and all(isinstance(v, int) for v in value):
        contiguous = value == tuple(range(value[0], value[-1] + 1))
        if contiguous and len(value) > 1:
            return f"{value[0]}-{value[-1]}"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def resolve(bundle: type, given: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """The settings of one command, and where each value came from, by option name.

    given: what the command line gave, None or () where it gave nothing. Raises `UsageError` for a
    value that is refused, saying which variable or file it is from.
    """
    config = given.get("config")
    typed = {name: value for name, value in given.items() if value is not None and value != ()}
    layers = [
        ("command line", typed),
        ("environment", _environment(bundle)),
        (f"config {config}", _configured(bundle, config) if config else {}),
    ]
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for _, field in declared(bundle):
        origin[field.name] = "default"
        for label, layer in layers:
            if field.name in layer:
                values[field.name], origin[field.name] = layer[field.name], label
                break
    for name, value in values.items():
        _refuse_by_origin(bundle, name, value, origin[name])
    return build(bundle, values), origin


def _refuse_by_origin(bundle: type, name: str, value: Any, origin: str) -> None:
    """Check one value alone, so that a refusal says where the value came from."""
    try:
        build(bundle, {name: value})
    except UsageError as error:
        if origin == "environment":
            origin = f"environment variable {_variable(name)}"
        elif origin == "command line":
            raise
        raise UsageError(f"{error.sentence} ({origin})", error.hint) from None


def _variable(name: str) -> str:
    return f"EMCLI_{name.upper()}"


def _environment(bundle: type) -> dict[str, Any]:
    """Values of the `EMCLI_*` variables; an empty one counts as not set."""
    found = {}
    for _, field in declared(bundle):
        text = os.environ.get(_variable(field.name), "")
        if text:
            found[field.name] = _from_text(field, text)
    return found


def _from_text(field: Field[Any], text: str) -> Any:
    how = field.metadata
    if how.get("flag"):
        if text.lower() not in _TRUE + _FALSE:
            raise UsageError(f"{_variable(field.name)} is yes or no, not '{text}'")
        return text.lower() in _TRUE
    if how.get("count"):
        return len(text) if set(text) == {"v"} else int(text) if text.isdecimal() else 1
    return text


def _configured(bundle: type, path: str) -> dict[str, Any]:
    """Values of a TOML file: long option names as keys, with `-` or `_`."""
    import tomllib

    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"cannot read --config {path}: {reason}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    known = {field.name: field for _, field in declared(bundle)}
    return dict(_entry(known, path, key, value) for key, value in content.items())


def _entry(known: Mapping[str, Field[Any]], path: str, key: str, value: Any) -> tuple[str, Any]:
    """One line of a configuration file as (option name, raw value)."""
    name = key.replace("-", "_")
    if name not in known:
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        hint = f"did you mean '{near[0].replace('_', '-')}'?" if near else ""
        raise UsageError(f"{path}: there is no option '{key}'", hint)
    how = known[name].metadata
    switch = bool(how.get("flag"))
    if isinstance(value, bool) != switch or isinstance(value, dict):
        expected = "true or false" if switch else "text, a number or a list"
        raise UsageError(f"{path}: '{key}' takes {expected}")
    if isinstance(value, list) and not how.get("repeat"):
        return name, ",".join(map(str, value))
    return name, tuple(map(str, value)) if isinstance(value, list) else value


def show_config(settings: Any, origin: Mapping[str, str]) -> str:
    """Every option with its value and where it came from, as TOML that `--config` reads."""
    lines = []
    for group in fields(settings):
        bundle = getattr(settings, group.name)
        for field in fields(bundle):
            value, name = getattr(bundle, field.name), field.name.replace("_", "-")
            if value is None or value == ():
                lines.append((f"# {name} is not set", origin[field.name]))
            else:
                lines.append((f"{name} = {_toml(value)}", origin[field.name]))
    width = max(len(line) for line, _ in lines)
    return "".join(f"{line:<{width}}  # {where}\n" for line, where in lines)


def _toml(value: Any) -> str:
    import json

    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return json.dumps(list(value), ensure_ascii=False)
    return json.dumps(_as_text(value), ensure_ascii=False)
