"""The address of a page: what it says of a widget, and what a message that crossed a change does to it."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import state


def page_with_a_choice():
    import streamlit as st

    from dashboard import state

    options = ("a", "b", "c")
    state.bound("of", "choice", options, "a")
    st.selectbox("of", options, key="choice", on_change=state.keep("of", "choice"))
    st.text(f"{state.get('of')} {state.get('lang')}")


@pytest.fixture
def page(own_main):
    page = AppTest.from_function(page_with_a_choice)
    page.query_params["lang"] = "fr"
    return page.run()


def of(page):
    """The parameter `of` of the address, as the browser has it."""
    return page.query_params.get("of", [""])[0]


def choose(page, value):
    page.selectbox[0].set_value(value).run()
    assert (of(page), page.selectbox[0].value) == (value, value)


def arrives(page, value):
    """A message of the browser with this parameter."""
    page.query_params["of"] = value
    page.run()


def test_a_choice_is_in_the_address_beside_what_stood_there(page):
    choose(page, "b")
    assert page.text[0].value == "b fr"


def test_an_address_sets_the_choice_and_what_is_none_of_it_sets_the_usual_one(page):
    arrives(page, "c")
    assert page.selectbox[0].value == "c"
    arrives(page, "z")
    assert page.selectbox[0].value == "a"


def test_a_message_sent_before_the_change_takes_nothing_back(page):
    choose(page, "b")
    choose(page, "c")
    for before in ("b", "c", "b"):
        arrives(page, before)
        assert (of(page), page.selectbox[0].value, page.text[0].value) == ("c", "c", "c fr")


def test_back_and_forth_the_last_choice_holds(page):
    choose(page, "b")
    choose(page, "c")
    choose(page, "b")
    arrives(page, "c")
    assert (of(page), page.selectbox[0].value) == ("b", "b")


def test_an_address_that_is_none_of_before_is_followed_at_once(page):
    choose(page, "b")
    arrives(page, "c")
    assert (of(page), page.selectbox[0].value) == ("c", "c")


def test_a_later_message_with_the_address_of_before_is_a_person_going_back(page, monkeypatch):
    choose(page, "b")
    choose(page, "c")
    monkeypatch.setattr(state, "CROSSED_S", 0.0)
    arrives(page, "b")
    assert (of(page), page.selectbox[0].value) == ("b", "b")
