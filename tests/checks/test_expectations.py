import time
from typing import Any

import pytest

from checks.expectations import ExpectationError, Judgement, compile_expectations, evaluate
from checks.registry import KINDS

HTTP = KINDS["http"]


def observed(**fields: Any) -> dict[str, Any]:
    facts = {"status": 200, "headers": {"x-app": "chat"}, "redirects": [], "json": None}
    return {**HTTP.empty_observation(), **facts, **fields}


def judged(
    expression: str,
    data: dict[str, Any],
    before: dict[str, Any] | None = None,
    variables: dict[str, Any] | None = None,
    scope: Any = "attempt",
) -> Judgement:
    (compiled,) = compile_expectations(HTTP, [expression], scope)
    return evaluate(compiled, data, before=before, variables=variables or {})


@pytest.mark.parametrize(
    ("expression", "position", "words"),
    [
        ("status ==", 10, "syntax error"),
        ("status == 200 &&& true", 17, "syntax error"),
        ('status == "200', 11, "syntax error"),
        ("staus == 200", 1, "http has no field 'staus'"),
        ("true && staus == 200", 9, "it has"),
        ("status", None, "must give true or false"),
        ("status + 1", None, "must give true or false"),
        ("lower(body) == 'x'", 1, "no function 'lower'"),
        ("durations_ms.size() > 0", 1, "no field 'durations_ms'"),
        ("tls.days_lft > 3", 5, "no field tls.days_lft"),
        ('status > "200"', None, "types do not fit"),
        ('body.matches("(")', None, "not a valid regex"),
        ("body.matches(reason)", 6, "text literal as its pattern"),
        ("", None, "empty"),
        ("   ", None, "empty"),
        ("true || " * 200 + "true", None, "more than 1000 characters"),
        ("redirects.all(r, redirects.exists(s, s == r))", None, "more than one of"),
        ("(" * 400 + "true" + ")" * 400, 96, "syntax error"),
    ],
)
def test_a_broken_expectation_is_refused_with_what_and_where(expression: str, position: int | None, words: str):
    with pytest.raises(ExpectationError) as refusal:
        compile_expectations(HTTP, [expression], "attempt")
    assert words in str(refusal.value)
    assert refusal.value.position == position or expression.startswith("(")


@pytest.mark.parametrize(
    "expression",
    [
        "status == 200",
        'headers["x-anything"] == "chat"',
        "json.deep.inside[3].name == 'x'",
        "json.ready",
        "status == before.status && body_sha256 == before.body_sha256",
        "remote_ip in vars.new_addresses",
        'error == "connection_refused"',
        "has(tls.days_left) && tls.days_left > 21",
        'redirects.all(r, r.status == 301)  // "status" in a comment',
        'body.matches("(?i)welcome")',
    ],
)
def test_what_only_the_target_can_decide_is_accepted_when_it_is_saved(expression: str):
    assert len(compile_expectations(HTTP, [expression], "attempt")) == 1


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ('status == 200 && headers["x-app"] == "chat"', "passed"),
        ("status == 201", "failed"),
        ('headers["upgrade"] == "websocket"', "failed"),
        ('headers["upgrade"] != "websocket"', "failed"),
        ('!(headers["upgrade"] == "websocket")', "failed"),
        ('status == 200 || headers["upgrade"] == "websocket"', "passed"),
        ("tls.days_left > 21", "failed"),
        ("reason != 'x'", "failed"),
        ("reason == null", "passed"),
        ("reason != null", "failed"),
        ("null == reason", "passed"),
        ("error == null", "passed"),
        ('error != "connection_refused"', "passed"),
        ("json.a != 3", "failed"),
        ("redirects[0].status == 301", "failed"),
        ("100 / size(redirects) == 1", "errored"),
        ('body_sha256.matches("^0+$")', "failed"),
    ],
)
def test_a_missing_field_or_a_null_fails_and_a_broken_expression_is_errored(expression: str, verdict: str):
    assert judged(expression, observed()).verdict == verdict


def test_the_reason_names_the_path_that_was_missing():
    assert "headers.upgrade" in judged('headers["upgrade"] == "x"', observed()).reason
    assert 'headers["x-y"]' in judged('headers["x-y"] == "x"', observed()).reason
    assert "tls.days_left" in judged("tls.days_left > 3", observed(tls={"days_left": None})).reason
    assert "json" in judged("json.a.b == 1", observed()).reason
    assert "status = 502" in judged("status == 200", observed(status=502)).reason


def test_a_null_beside_a_value_still_fails_and_leaves_the_observation_alone():
    data = observed(tls={"protocol": "TLSv1.3", "issuer": None})
    assert judged('tls.protocol == "TLSv1.3" && tls.issuer != "x"', data).verdict == "failed"
    assert data["tls"] == {"protocol": "TLSv1.3", "issuer": None}
    assert data["reason"] is None


def test_nulls_inside_lists_compare_as_values():
    data = observed(redirects=[{"status": None}, {"status": 200}])
    assert judged("redirects.all(r, r.status != 401)", data).verdict == "passed"


def test_a_missing_baseline_is_errored_and_never_passed():
    assert judged("status == before.status", observed()).verdict == "errored"
    assert judged("true || status == before.status", observed()).verdict == "errored"
    assert judged("status == before.status", observed(), before=observed()).verdict == "passed"
    assert judged("status == before.status", observed(), before=observed(status=301)).verdict == "failed"
    missing = judged('headers["x-app"] == before.headers["x-app"]', observed(), before=observed(headers={}))
    assert (missing.verdict, "before.headers" in missing.reason) == ("errored", True)


def test_variables():
    variables = {"new": ["192.0.2.1"], "app": "chat"}
    assert judged('remote_ip in vars.new && headers["x-app"] == vars.app', observed(remote_ip="192.0.2.1"),
                  variables=variables).verdict == "passed"  # fmt: skip
    absent = judged("remote_ip in vars.old", observed(remote_ip="192.0.2.1"), variables=variables)
    assert (absent.verdict, "vars.old" in absent.reason) == ("errored", True)


def test_not_a_boolean_at_run_time_is_errored():
    assert judged("json.ready", observed(json={"ready": True})).verdict == "passed"
    assert judged("json.ready", observed(json={"ready": "yes"})).verdict == "errored"


def test_the_run_is_judged_over_its_attempts():
    data = observed(attempts=3, failures=1, failure_rate=1 / 3, durations_ms=[10.0, 20.0, 400.0])
    data["observations"] = [observed(), observed(), observed(status=502)]
    for expression, verdict in (
        ("percentile(durations_ms, 50) == 20.0", "passed"),
        ("percentile(durations_ms, 95) < 300", "failed"),
        ("failure_rate < 0.5 && attempts == 3 && failures == 1", "passed"),
        ("observations.exists(o, o.status == 502)", "passed"),
        ("durations_ms.filter(d, d > 300).size() <= 1", "passed"),
    ):
        assert judged(expression, data, scope="run").verdict == verdict, expression


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("json.a.map(x, json.a).size() == 1", {"json": {"a": list(range(20_000))}}),
        ("json.a.map(x, body).size() == 1", {"json": {"a": list(range(1_000))}, "body": "x" * 1_000_000}),
        ("json.a.filter(x, x > 0).size() == 1", {"json": {"a": list(range(100_000))}}),
        ("json.a.all(x, body != 'y')", {"json": {"a": list(range(10_000))}, "body": "x" * 1_000_000}),
        ("json == before.json", {"json": [[]] * 400_000}),
        ('body.matches("(a|b|ab)*c")', {"body": "ab" * 500_000}),
        ('body.matches("(.*)(.*)(.*)(.*)(.*)x")', {"body": "ab" * 500_000}),
        ('body.matches("(a{0,200}){0,200}x")', {"body": "a" * 1_000_000}),
        ("[body, body, body].map(x, x + x + x).size() == 4", {"body": "x" * 1_000_000}),
    ],
)
def test_a_wicked_expression_cannot_hold_the_interpreter(expression: str, fields: dict[str, Any]):
    started = time.perf_counter()
    verdict = judged(expression, observed(**fields), before=observed(**fields)).verdict
    assert verdict in ("errored", "failed")
    assert time.perf_counter() - started < 2


def test_a_comprehension_over_an_ordinary_answer_is_evaluated():
    data = observed(json={"items": [{"name": f"item {number}", "ready": True} for number in range(200)]})
    assert judged("json.items.all(item, item.ready)", data).verdict == "passed"
    assert judged("json.items.filter(item, !item.ready).size() == 0", data).verdict == "passed"
    assert judged("json.items.exists_one(item, item.name == 'item 7')", data).verdict == "passed"


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=lambda kind: kind.name)
def test_every_kind_documents_what_its_sample_shows(kind: Any):
    documented = {field.name for field in kind.observation_fields}
    assert set(kind.sample_observation) == documented
    for name, value in kind.sample_observation.items():
        assert value is not None, name
        compile_expectations(kind, [f"{name} == {name}"], "attempt")
