from litellm_key_operator.engine.cache import Few


def test_few_values_of_many_keys() -> None:
    few: Few[str, int] = Few()
    few.discard("a", 1)
    for number in (1, 2, 1):
        few.add("a", number)
    few.add("b", 1)
    assert (few.get("a"), few.get("b"), few.get("c")) == ((1, 2), (1,), ())
    few.discard("a", 1)
    few.discard("b", 1)
    assert (few.get("a"), few.get("b")) == ((2,), ())
