"""The parameters file: what is written obeys the schema, and nothing else is read."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcli import api, document
from emcli.errors import InputError
from emcli.schema import fault, schema
from tests.cli.conftest import Run

MODELS = [
    ("faithful.csv", "-k", "1-3", "-m", "gaussian:EII,gaussian:VVV"),
    ("death_notices.csv", "--weight", "frequency", "-m", "poisson", "-k", "2"),
    ("carcinoma.csv", "-m", "bernoulli", "-k", "2"),
    ("two_coins.csv", "-m", "binomial(heads, trials=tosses)", "-k", "2"),
    ("penguins.csv", "--missing", "drop", "-m", "auto", "-k", "2", "--provenance"),
]


@pytest.fixture(scope="module")
def content(params: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(params.read_text())
    return found


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("words", MODELS, ids=[m[0] for m in MODELS])
def test_what_is_written_obeys_the_schema_and_reads_back(
    emcli: Run, here: Path, words: tuple[str, ...]
) -> None:
    done = emcli("fit", *words, "-q", "-o", "p.json")
    assert done.returncode == 0, done.stderr
    text = (here / "p.json").read_text()
    jsonschema.validate(json.loads(text), schema())
    assert fault(json.loads(text)) is None
    found = document.read(str(here / "p.json"))
    assert document.write(found, found.provenance) == text
    fitted = api.load(str(here / "p.json"))
    assert json.loads(fitted.to_json())["components"] == json.loads(text)["components"]


def test_keys_stand_in_the_documented_order(content: dict[str, Any]) -> None:
    assert list(content) == ["schema", "model", "k", "columns", "components", "fit", "selection"]
    assert list(content["components"][0]) == ["colour", "weight", "distributions"]
    block = content["components"][0]["distributions"][0]
    assert list(block) == ["family", "columns", "mean", "covariance"]


def test_arrays_of_numbers_stay_on_one_line(params: Path) -> None:
    lines = params.read_text().splitlines()
    assert sum(bool(re.search(r'"mean": \[[^]]*\],$', line)) for line in lines) == 2
    assert max(map(len, lines)) < 170


def test_numbers_are_the_shortest_that_read_back() -> None:
    assert document.render({"x": [0.1, 1e300, -0.0, 272]}) == '{"x": [0.1, 1e+300, -0.0, 272]}'
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            document.render([wrong])


def broken(content: dict[str, Any], change: Any) -> str:
    changed = copy.deepcopy(content)
    change(changed)
    return json.dumps(changed)


def _weights(c: dict[str, Any]) -> None:
    c["components"][0]["weight"] = 0.9


def _block(c: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = c["components"][0]["distributions"][0]
    return found


@pytest.mark.parametrize("trials", [0, -1, 1.5, None, "x", [], [[]], True])
def test_trials_are_a_column_or_a_number(emcli: Run, here: Path, trials: Any) -> None:
    words = ["-m", "binomial(heads, trials=tosses)", "-k", "1", "-o", "p.json"]
    assert emcli("fit", "two_coins.csv", *words).returncode == 0
    changed = json.loads((here / "p.json").read_text())
    _block(changed)["trials"] = trials
    with pytest.raises(InputError, match=r"trials: expected one of the columns or a number"):
        document.parse(json.dumps(changed), "p.json")


def test_a_byte_order_mark_does_no_harm(params: Path, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(b"\xef\xbb\xbf" + params.read_bytes())
    assert document.read(str(tmp_path / "p.json")).mixture.k == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.pop("fit"), "p.json: top level: 'fit' is missing"),
        (lambda c: c.update(k=3), "k: 3, but there are 2 components"),
        (lambda c: c.update(extra=1), "'extra' does not belong here"),
        (lambda c: c["components"][1].update(colour="red"), "two have the same colour"),
        (_weights, "the weights do not add up to 1"),
        (lambda c: c["components"][0].update(weight=-1),
         "components[0].weight: -1 is out of range"),
        (lambda c: c["columns"].append(c["columns"][0]), "two have the same name"),
        (lambda c: c["columns"][0].update(kind="odd"), "columns[0].kind: expected one of real,"),
        (lambda c: c["columns"][0].update(name="x"), "'eruptions' is not among the columns"),
        (lambda c: c["fit"].update(rows=1.5), "fit.rows: expected integer"),
        (lambda c: c["components"][0]["distributions"][0].pop("mean"), "mean"),
        (lambda c: c["components"][0]["distributions"][0].update(mean=[1.0]),
         "components[1].distributions[0].mean: not built like the first component's"),
        (lambda c: c["components"][0]["distributions"][0].update(family="cauchy"),
         "components[1].distributions[0].family: not built like"),
        (lambda c: c["components"][1].update(distributions=[{"family": "a", "columns": ["b"]}] * 2),
         "components[1].distributions: 2, but 1 in the first"),
        (lambda c: c.update(model="poisson"), "poisson"),
        (lambda c: c.update(model="(((("), "p.json: model: model '((((' lacks"),
        (lambda c: _block(c).update(mean=[None, 1.0]),
         "components[0].distributions[0].mean: expected numbers"),
        (lambda c: _block(c).update(mean=[True, 1.0]), "mean: expected numbers"),
        (lambda c: _block(c).update(covariance=[[1.0, 0.5], [0.1, 1.0]]),
         "covariance: expected a symmetric matrix"),
        (lambda c: _block(c).update(mean=[10**400, 1]), "is not a number of JSON"),
    ],
)  # fmt: skip
def test_a_changed_document_is_refused_with_its_place(
    content: dict[str, Any], change: Any, said: str
) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        document.parse(broken(content, change), "p.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: broken JSON"),
        ("[]", "not written by 'emcli fit'"),
        ('{"schema": 1e999}', "'1e999' is not a number of JSON"),
        ('{"schema": Infinity}', "'Infinity' is not a number"),
        ('{"a": 1, "a": 2}', "the key 'a' is given twice"),
        ('{"schema": ' + "1" * 5000 + "}", "is not a number of JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_a_document_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        document.parse(text, "p.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    if not isinstance(value, (dict, list)):
        return [at]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [at, *(place for key, part in items for place in places(part, (*at, key)))]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_our_reader_of_the_schema_agrees_with_jsonschema(
    content: dict[str, Any], data: st.DataObject
) -> None:
    changed = copy.deepcopy(content)
    *path, last = data.draw(st.sampled_from(places(content)[1:]))
    target = changed
    for key in path:
        target = target[key]
    if data.draw(st.booleans()):
        del target[last]
    else:
        target[last] = data.draw(JSON)
    theirs = jsonschema.Draft202012Validator(schema()).is_valid(changed)
    assert (fault(changed) is None) == theirs
