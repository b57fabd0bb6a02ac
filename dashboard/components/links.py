"""Makes the links of the page (class "go") change the view without loading the page again.

They stay real links: without this script, or with the middle mouse button, the browser opens their address itself.
Those of class "print" print the page.
"""

from __future__ import annotations

import streamlit as st

from dashboard import state

SCRIPT = """
export default function({ data, setTriggerValue }) {
    document.documentElement.lang = data.language;
    const follow = (event) => {
        const link = event.composedPath().find((node) => node.tagName === "A" && node.classList.contains("go"));
        if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        if (link.classList.contains("print")) {
            window.print();
            return;
        }
        setTriggerValue("go", link.getAttribute("href"));
        if (!link.classList.contains("stay")) {
            const main = document.querySelector('[data-testid="stMain"]');
            if (main) main.scrollTo({ top: 0 });
        }
        const open = document.querySelector('[data-testid="stSidebar"][aria-expanded="true"]');
        const close = open && open.querySelector('[data-testid="stSidebarCollapseButton"] button');
        if (close && window.innerWidth < 768) close.click();
    };
    const plots = (each) => document.querySelectorAll(".js-plotly-plot .main-svg").forEach(each);
    const fit = () => plots((svg) => {  // a plot drawn as wide as the window is scaled to the sheet
        svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
        svg.setAttribute("preserveAspectRatio", "xMinYMin meet");
    });
    const unfit = () => plots((svg) => svg.removeAttribute("viewBox"));
    const heard = [[document, "click", follow], [window, "beforeprint", fit], [window, "afterprint", unfit]];
    heard.forEach(([target, name, act]) => target.addEventListener(name, act));
    return () => heard.forEach(([target, name, act]) => target.removeEventListener(name, act));
}
"""

_component = st.components.v2.component("twin_links", js=SCRIPT)


def follow_links(language: str) -> None:
    """Call once per page run; also tells the browser (and screen readers) the language of the page."""

    def go() -> None:
        address = st.session_state["links"].go
        if address:
            state.follow(address)

    _component(key="links", data={"language": language}, on_go_change=go, height=1)
