"""Visits in a real browser: reloaded, copied, cut off, ended; nobody's is another's, and the button never sticks."""

import pytest

from .browser_visit import Visit


def test_visitors_do_not_share_an_avatar_and_leave_nothing(visit, avatar_file, browser, server):
    one, two = Visit(browser, server).open(avatar_file), visit().open(avatar_file)
    before = two.picture()
    tokens = [v.page.evaluate("perse.token") for v in (one, two)]
    assert tokens[0] != tokens[1]
    one.page.get_by_role("tab", name="Glasses").click()
    one.page.locator("[data-style=square]").click()
    assert one.picture() != before
    two.page.evaluate("perse.stage.refresh()")
    assert two.picture() == before
    # The other's secret, paths and tokens do not help: what is asked in one's own name is refused.
    film = two.page.evaluate(
        """async ([token]) => {
      const { dependencies } = await (await fetch("config")).json();
      const body = (d, data) => ({ method: "POST", headers: { "Content-Type": "application/json", "X-Perse-Visit": "a guess" },
                                   body: JSON.stringify({ data, fn_index: d.id, session_hash: "guessed" }) });
      const statuses = [];
      for (const d of dependencies.filter((d) => d.backend_fn && d.api_visibility === "private")) {
        statuses.push((await fetch("gradio_api/run/predict", body(d, Array(d.inputs.length).fill(token)))).status);
      }
      return statuses;
    }""",
        [tokens[0]],
    )
    assert len(film) >= 10
    one.page.locator("#perse-end").click()
    two.page.wait_for_function("async (token) => (await fetch(`perse/info/${token}`)).status === 404", arg=tokens[0])
    assert two.page.evaluate("(token) => fetch(`perse/info/${token}`).then((a) => a.status)", tokens[1]) == 200
    one.close()
    two.errors.clear()  # this test asked for what it must not get


@pytest.mark.parametrize("slower", [1, 20])
def test_the_button_never_sticks(visit, astronaut, slower):
    v = visit()
    page = v.page
    v.slow_down(slower)
    button, consent = page.locator("#perse-build"), page.get_by_label("This is me, or I have the person's permission")
    page.wait_for_function("document.getElementById('perse-build').disabled")

    def choose():
        page.locator("#perse-photo input[type=file]").first.set_input_files(astronaut)

    choose()
    page.wait_for_function("document.getElementById('perse-build').textContent.includes('Looking')")
    consent.check()  # while the photo is being looked at
    page.wait_for_selector("#perse-build:enabled")
    assert button.inner_text() == "Build my avatar"
    page.get_by_label("Remove Image").click()
    page.wait_for_selector("#perse-build:disabled")
    page.wait_for_function("document.getElementById('perse-build').textContent.includes('Choose')")
    choose()  # with the box ticked already
    page.wait_for_selector("#perse-build:enabled")
    consent.uncheck()
    page.wait_for_selector("#perse-build:disabled")
    assert "Tick the box" in button.inner_text()
    consent.check()
    page.wait_for_selector("#perse-build:enabled")


def test_a_reloaded_page_goes_on_where_it_was(visit, astronaut, avatar_file):
    v = visit()
    page = v.page
    page.locator("#perse-photo input[type=file]").first.set_input_files(astronaut)
    page.wait_for_selector(".perse-found")
    page.reload()
    page.wait_for_selector(".perse-found")
    page.get_by_label("This is me, or I have the person's permission").check()
    page.locator("#perse-build:enabled").click()
    page.wait_for_selector(".perse-progress")
    page.reload()
    page.wait_for_selector(".perse-progress")
    page.locator("#perse-cancel").click()
    page.wait_for_selector(".perse-found")
    v.open(avatar_file)
    token = page.evaluate("perse.token")
    page.reload()
    v.wait_for_avatar()
    assert page.evaluate("perse.token") == token


def test_a_copied_tab_shares_the_visit_and_closing_it_ends_nothing(visit, astronaut):
    v = visit()
    page = v.page
    page.locator("#perse-photo input[type=file]").first.set_input_files(astronaut)
    page.get_by_label("This is me, or I have the person's permission").check()
    # A button that no script has reached yet is enabled, too: the secret has to be there before it can be copied.
    page.wait_for_function("perse.visit.known && document.getElementById('perse-build').textContent === 'Build my avatar'")
    page.wait_for_selector("#perse-build:enabled")
    with v.context.expect_page() as opened:
        page.evaluate("window.open(location.href)")
    copy = opened.value
    copy.wait_for_function("window.perse?.visit?.known")
    copy.wait_for_selector("#perse-build:enabled")
    assert copy.evaluate("perse.visit.promised") == page.evaluate("perse.visit.promised")
    copy.wait_for_function("document.querySelector('#perse-consent input').checked")
    copy.close()
    page.wait_for_function("async () => (await perse.visit.ask(), !document.getElementById('perse-build').disabled)")


def test_a_lost_connection_is_taken_up_again(visit, avatar_file):
    v = visit().open(avatar_file)
    page = v.page
    v.context.set_offline(True)
    page.evaluate("perse.visit.ask()")
    page.get_by_role("tab", name="Glasses").click()
    page.wait_for_function("document.getElementById('perse-toast')?.textContent.includes('connection')")
    v.context.set_offline(False)
    before = page.evaluate("perse.stage.frames")
    page.wait_for_function("perse.visit.known")
    page.evaluate("perse.stage.refresh()")
    page.wait_for_function("(before) => perse.stage.frames > before", arg=before)
    v.errors.clear()  # the browser told of requests that failed


def test_a_visit_that_has_ended_on_the_server_starts_anew(visit, avatar_file):
    v = visit().open(avatar_file)
    page = v.page
    page.evaluate("async () => perse.ask('end', {}, '', { 'X-Perse-Visit': await perse.visit.secret() })")
    page.evaluate("perse.visit.ask()")
    page.wait_for_function("document.body.dataset.view === 'photo' && perse.visit.known")
    page.locator("[data-example=hopper]").click()
    v.wait_for_avatar()
    v.errors.clear()  # 404, as it must be
