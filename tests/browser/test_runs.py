"""The runs page: find, sort, write, delete, compare, and follow a run that is being collected."""

from __future__ import annotations

import dataclasses
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, Route, expect

from reactcnn_dash.db import RunWriter, StoreReader, delete_run, edit_run
from tests import stores
from tests.browser.conftest import imported
from tests.browser.waiting import until
from tests.collector.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Serve

NAMES = ("alpha", "beta", "gamma")
ANSWERED = f"{imported('runs/poll.mjs')}.then(poll => poll.lookNow())"
"""Has the page look at once, and waits until it has taken the answer in."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of three runs of 4, 8 and 12 images, the last under a checkpoint of its own."""
    path = tmp_path / "store.db"
    for i, name in enumerate(NAMES):
        stores.make_store(path, 4 * (i + 1), name=name)
    return path


@pytest.fixture
def shown(page: Page, serve: Serve, store: Path) -> Page:
    return at_runs(page, serve(store))


def at_runs(page: Page, address: str) -> Page:
    """The page of the three runs."""
    page.goto(f"{address}runs/")
    expect(names(page)).to_have_count(3)
    return page


def names(page: Page) -> Locator:
    return page.locator("#runs-table .run-link")


def row(page: Page, name: str) -> Locator:
    """The row of a run, in the part of the table that scrolls."""
    link = page.get_by_role("link", name=name, exact=True)
    place = page.locator("#runs-table .ag-pinned-left-cols-container [role=row]", has=link)
    return page.locator(
        f"#runs-table .ag-center-cols-container [row-id='{place.get_attribute('row-id')}']"
    )


def cell(page: Page, name: str, column: str) -> Locator:
    return row(page, name).locator(f"[col-id={column}]")


def choose(page: Page, *chosen: str) -> None:
    for i, name in enumerate(chosen):
        cell(page, name, "stored").click(modifiers=["Control"] if i else [])


def heading(page: Page, text: str) -> Locator:
    return page.locator("#runs-table .ag-header-cell-text", has_text=re.compile(f"^{text}$"))


def test_every_column_says_what_is_stored(shown: Page, store: Path) -> None:
    run = StoreReader(str(store)).run("gamma")
    here = row(shown, "gamma")
    assert run.labelled == 12
    expect(here.locator("[col-id=stored]")).to_have_text("12")
    expect(here.locator("[col-id=percent]")).to_have_text(f"{100 * run.correct / 12:.1f} %")
    expect(here.locator("[col-id=stateText]")).to_have_text("finished")
    expect(here.locator("[col-id=source]")).to_have_text("noise")
    expect(here.locator("[col-id=checkpointText]")).to_have_text("small-cnn · 5a5a5a5 · made up")
    expect(shown.locator("#runs-count")).to_contain_text("3 runs · ")


def test_sort_find_and_filter_stand_in_the_address(shown: Page) -> None:
    expect(names(shown)).to_have_text(["gamma", "beta", "alpha"])
    heading(shown, "Images").click()
    expect(names(shown)).to_have_text(["alpha", "beta", "gamma"])
    filters = shown.get_by_role("spinbutton", name="Images Filter Input")
    filters.fill("8")
    expect(names(shown)).to_have_text(["beta", "gamma"])
    heading(shown, "Images").click()
    expect(names(shown)).to_have_text(["gamma", "beta"])
    shown.keyboard.press("/")
    shown.keyboard.type("bet")
    expect(names(shown)).to_have_text(["beta"])
    expect(shown).to_have_url(re.compile("find=bet"))
    expect(shown.locator("#runs-count")).to_contain_text("1 run ·")
    shown.goto(shown.url)
    expect(names(shown)).to_have_text(["beta"])
    expect(shown.locator("#runs-find")).to_have_value("bet")
    shown.locator("#runs-find").fill("")
    expect(names(shown)).to_have_text(["gamma", "beta"])


def test_many_runs_come_by_page_and_a_page_has_a_link(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    for i in range(60):
        with RunWriter.begin(str(tmp_path / "s.db"), stores.new_run(f"run-{i:02}")) as writer:
            writer.finish()
    page.goto(serve(tmp_path / "s.db") + "runs/")
    expect(page.locator("#runs-table .ag-paging-panel")).to_contain_text("1 to 50 of 60")
    page.get_by_role("button", name="Next Page").click()
    expect(names(page).last).to_have_text("run-00")
    expect(page).to_have_url(re.compile("page=2"))
    page.goto(page.url)
    expect(names(page)).to_have_count(10)
    expect(names(page).last).to_have_text("run-00")


def test_a_name_tags_and_a_note_are_written_in_the_table(shown: Page, store: Path) -> None:
    reader = StoreReader(str(store))
    choose(shown, "beta")
    shown.get_by_role("button", name="Rename").click()
    shown.keyboard.press("Control+a")
    shown.keyboard.type("  better   name ")
    shown.keyboard.press("Enter")
    expect(names(shown)).to_have_text(["gamma", "better name", "alpha"])
    until(shown, "() => !document.querySelector('.ag-cell-inline-editing')")
    cell(shown, "alpha", "tagText").dblclick()
    shown.keyboard.type("keep, paper, keep")
    shown.keyboard.press("Enter")
    expect(shown.locator(".run-tag")).to_have_text(["keep", "paper"])
    # The whole way by keyboard: from the cell in focus to the note beside it.
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("F2")
    shown.keyboard.type("seen again")
    shown.keyboard.press("Enter")
    expect(cell(shown, "alpha", "note")).to_have_text("seen again")
    # The page shows what was typed before the server has stored it.
    wait_until(lambda: reader.run(1).note == "seen again")
    shown.reload()
    expect(names(shown)).to_have_text(["gamma", "better name", "alpha"])
    assert reader.run(2).name == "better name"
    assert reader.run(1).tags == ("keep", "paper")
    assert reader.run(1).note == "seen again"


def test_a_name_that_cannot_be_is_refused_and_the_old_one_stands(shown: Page) -> None:
    choose(shown, "beta")
    shown.get_by_role("button", name="Rename").click()
    shown.keyboard.press("Control+a")
    shown.keyboard.press("Delete")
    shown.keyboard.press("Enter")
    expect(shown.locator("#notice")).to_contain_text("a run needs a name")
    expect(names(shown)).to_have_text(["gamma", "beta", "alpha"])


def test_open_and_compare_are_links(shown: Page, store: Path) -> None:
    opened, compare = shown.locator("#runs-open"), shown.locator("#runs-compare")
    expect(opened).to_have_attribute("aria-disabled", "true")
    choose(shown, "gamma")
    expect(opened).to_have_attribute("href", "/?run=3")
    expect(compare).to_have_attribute("aria-disabled", "true")
    choose(shown, "gamma", "alpha")
    # The older run is the first, whichever was chosen first.
    expect(compare).to_have_attribute("href", "/compare/?a=1&b=3")
    expect(opened).to_have_attribute("aria-disabled", "true")
    names(shown).filter(has_text="beta").click()
    expect(shown.locator("#run-counts")).to_contain_text("8 images")
    expect(shown).to_have_url(re.compile(r"/\?run=2"))


def test_a_run_is_downloaded_as_arrays(shown: Page, store: Path) -> None:
    choose(shown, "beta")
    with shown.expect_download() as download:
        shown.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "2-beta.npz"
    archive = np.load(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert archive["gap"].shape == (8, sum(stores.FILTERS))


def test_an_export_that_fails_is_a_notice(browser: Browser, serve: Serve, store: Path) -> None:
    # A page of its own: Chromium itself writes a refused request into the console.
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        page = context.new_page()
        page.goto(serve(store) + "runs/")
        choose(page, "beta")
        # As in a tab that is not looked at: it does not learn that the run is gone.
        page.evaluate("() => Object.defineProperty(document, 'hidden', { value: true })")
        delete_run(str(store), "beta")
        page.get_by_role("button", name="Export").click()
        expect(page.locator("#notice")).to_contain_text("beta could not be exported")
        expect(page.locator("#notice")).to_contain_text("no run")
        expect(page.get_by_role("button", name="Export")).to_be_enabled()


def test_chosen_runs_are_deleted_after_a_question_and_the_file_shrinks(
    shown: Page, store: Path
) -> None:
    choose(shown, "gamma", "alpha")
    expect(shown.locator("#runs-count")).to_contain_text("2 runs · ")
    shown.locator("#runs-table .ag-center-cols-container").press("Delete")
    dialog = shown.get_by_role("dialog", name="Delete for good?")
    expect(dialog).to_contain_text("alpha: 4 images")
    expect(dialog).to_contain_text("gamma: 12 images")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    shown.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(names(shown)).to_have_count(3)
    before = store.stat().st_size
    shown.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    shown.get_by_role("button", name="Delete now").click()
    expect(names(shown)).to_have_text(["beta"])
    expect(shown.locator("#notice")).to_contain_text("gave back")
    assert [run.name for run in StoreReader(str(store)).summaries()] == ["beta"]
    assert store.stat().st_size < before


def test_a_deletion_can_be_undone_and_until_then_nothing_is_deleted(
    shown: Page, store: Path
) -> None:
    choose(shown, "gamma", "alpha")
    for by in ("button", "key"):
        shown.get_by_role("button", name="Delete").click()
        shown.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(shown.locator("#runs-undo-text")).to_contain_text("2 runs will be deleted")
        expect(cell(shown, "gamma", "stateText")).to_have_text("deleted soon")
        shown.evaluate(ANSWERED)
        expect(cell(shown, "alpha", "stateText")).to_have_text("deleted soon")
        if by == "button":
            shown.get_by_role("button", name="Undo").click()
        else:
            shown.keyboard.press("Control+z")
        expect(cell(shown, "gamma", "stateText")).to_have_text("finished")
        expect(shown.locator("#runs-undo")).to_be_hidden()
    # Who closes the page meanwhile keeps the runs.
    shown.get_by_role("button", name="Delete").click()
    shown.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(cell(shown, "gamma", "stateText")).to_have_text("deleted soon")
    shown.goto(shown.url)
    expect(cell(shown, "gamma", "stateText")).to_have_text("finished")
    states = {run.name: str(run.state) for run in StoreReader(str(store)).summaries()}
    assert states == dict.fromkeys(NAMES, "finished")


def test_a_deletion_happens_when_its_time_is_over(page: Page, serve: Serve, store: Path) -> None:
    shown = at_runs(page, serve(store))
    shown.clock.install()
    choose(shown, "beta")
    shown.get_by_role("button", name="Delete").click()
    shown.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(cell(shown, "beta", "stateText")).to_have_text("deleted soon")
    shown.clock.fast_forward(19_000)
    expect(cell(shown, "beta", "stateText")).to_have_text("deleted soon")
    shown.clock.fast_forward(2_000)
    expect(names(shown)).to_have_text(["gamma", "alpha"])
    assert {run.name for run in StoreReader(str(store)).summaries()} == {"gamma", "alpha"}


def test_a_second_enter_goes_on_where_the_note_ends(shown: Page, store: Path) -> None:
    for column, kept in (("note", "first, second"), ("tagText", "firstsecond")):
        cell(shown, "beta", column).dblclick()
        shown.keyboard.type("first")
        shown.keyboard.press("Enter")
        expect(cell(shown, "beta", column)).to_have_text("first")
        shown.keyboard.press("Enter")
        expect(shown.locator(".ag-large-text textarea, .ag-cell-editor input")).to_be_focused()
        shown.keyboard.type(", second")
        shown.keyboard.press("Enter")
        expect(cell(shown, "beta", column)).to_have_text(kept)
    reader = StoreReader(str(store))
    beta = reader.run("beta").id

    def kept_of() -> tuple[str, list[str]]:
        summary = next(one for one in reader.summaries() if one.id == beta)
        return summary.note, list(summary.tags)

    # The page shows what was typed before the server has stored it.
    wait_until(lambda: kept_of() == ("first, second", ["first", "second"]))


EDITS = re.compile("_dash-update-component")


def test_of_two_edits_the_later_one_stays_however_slow_the_first_is(
    shown: Page, store: Path
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        body = route.request.post_data or ""
        if '"runs-edit.data"' in body and not held:
            held.append(route)
        else:
            route.continue_()

    shown.route(EDITS, hold)
    for text in ("first", "second"):
        cell(shown, "beta", "note").dblclick()
        shown.keyboard.press("Control+a")
        shown.keyboard.type(text)
        shown.keyboard.press("Enter")
        expect(cell(shown, "beta", "note")).to_have_text(text)
    reader = StoreReader(str(store))
    # While the first waits, what the page shows besides is answered.
    shown.locator("#runs-find").fill("beta")
    expect(names(shown)).to_have_text(["beta"])
    assert reader.run("beta").note == ""
    held[0].continue_()
    # Playwright answers held requests only while it is waited by its own means.
    for _ in range(600):
        if reader.run("beta").note == "second":
            break
        shown.wait_for_timeout(100)
    assert reader.run("beta").note == "second"


@pytest.mark.parametrize("way", ["a link", "closing", "loading it again"])
def test_a_page_with_an_edit_under_way_asks_before_it_is_left(
    shown: Page, store: Path, way: str
) -> None:
    asked: list[str] = []
    held: list[Route] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    def hold(route: Route) -> None:
        body = route.request.post_data or ""
        if '"runs-edit.data"' in body:
            held.append(route)
        else:
            route.continue_()

    def leave() -> None:
        if way == "closing":
            shown.close(run_before_unload=True)
        elif way == "a link":
            shown.evaluate("() => setTimeout(() => document.querySelector('.run-link').click())")
        else:
            shown.evaluate("() => setTimeout(() => location.reload())")

    def wait_for(question: Callable[[], bool]) -> None:
        # Playwright tells of dialogs and requests only while it is waited by its own means.
        for _ in range(600):
            if question():
                return
            shown.wait_for_timeout(50)
        raise AssertionError("nothing came")

    shown.on("dialog", stay)
    shown.route(EDITS, hold)
    cell(shown, "beta", "note").dblclick()
    shown.keyboard.type("not to be lost")
    shown.keyboard.press("Enter")
    expect(cell(shown, "beta", "note")).to_have_text("not to be lost")
    wait_for(lambda: bool(held))
    assert StoreReader(str(store)).run("beta").note == ""
    leave()
    wait_for(lambda: bool(asked))
    assert asked == ["beforeunload"]
    held[0].continue_()
    expect(shown.locator("#runs-undo-text")).to_contain_text("note")
    assert StoreReader(str(store)).run("beta").note == "not to be lost"
    # What is stored holds nobody back.
    with shown.expect_event("close" if way == "closing" else "framenavigated"):
        leave()
    assert asked == ["beforeunload"]


def test_what_was_written_is_taken_back_the_latest_first(shown: Page, store: Path) -> None:
    reader = StoreReader(str(store))
    for column, text in (("note", "a note"), ("tagText", "tag"), ("name", "other")):
        if column == "name":
            choose(shown, "beta")
            shown.get_by_role("button", name="Rename").click()
        else:
            cell(shown, "beta", column).dblclick()
        shown.keyboard.type(text)
        shown.keyboard.press("Enter")
        expect(shown.locator("#runs-undo-text")).to_contain_text(
            {"note": "note", "tagText": "tags", "name": "name"}[column]
        )
    shown.get_by_role("button", name="Undo").click()
    expect(names(shown)).to_have_text(["gamma", "beta", "alpha"])
    shown.keyboard.press("Control+z")
    expect(cell(shown, "beta", "tagText")).to_have_text("")
    # The page shows what was taken back before the server has stored it.
    wait_until(lambda: any(one.name == "beta" and not one.tags for one in reader.summaries()))
    # What somebody else has written since stays.
    edit_run(str(store), reader.run("beta").id, note="of another hand")
    shown.evaluate(ANSWERED)
    expect(cell(shown, "beta", "note")).to_have_text("of another hand")
    shown.keyboard.press("Control+z")
    expect(shown.locator("#notice")).to_contain_text("changed again since")
    found = next(one for one in reader.summaries() if one.name == "beta")
    assert (found.note, list(found.tags)) == ("of another hand", [])


def test_what_a_filter_hides_is_not_chosen_any_more(shown: Page) -> None:
    choose(shown, "gamma", "alpha")
    shown.locator("#runs-find").fill("alpha")
    expect(names(shown)).to_have_text(["alpha"])
    expect(shown.locator("#runs-count")).to_contain_text("1 run ·")
    shown.locator("#runs-find").fill("")
    expect(names(shown)).to_have_count(3)
    expect(shown.locator("#runs-count")).to_contain_text("1 run ·")


def test_a_collecting_run_refuses_and_the_table_follows_it(
    page: Page, serve: Serve, store: Path
) -> None:
    made = stores.truth(40)
    writer = RunWriter.begin(str(store), stores.new_run("live one", total=40))
    stores.append(writer, made, 0, 4)
    page.goto(serve(store) + "runs/")
    expect(cell(page, "live one", "stateText")).to_have_text("collecting")
    expect(cell(page, "live one", "stored")).to_have_text("4 of 40")
    choose(page, "live one")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#notice")).to_contain_text("live one is being collected")
    expect(page.get_by_role("dialog")).to_have_count(0)

    # Sorted, filtered, chosen: the run grows and nothing of that is disturbed.
    heading(page, "Images").click()
    choose(page, "beta")
    page.get_by_role("textbox", name="Name Filter Input").fill("e")
    expect(names(page)).to_have_text(["live one", "beta"])
    stores.append(writer, made, 4, 12)
    expect(cell(page, "live one", "stored")).to_have_text("12 of 40")
    expect(names(page)).to_have_text(["beta", "live one"])
    expect(page.locator("#runs-count")).to_contain_text("1 run ·")
    expect(page.locator("#runs-open")).to_have_attribute("href", "/?run=2")

    # While a person writes, nothing moves under their hands; afterwards it catches up.
    cell(page, "beta", "tagText").dblclick()
    page.keyboard.type("half a ta")
    stores.append(writer, made, 12, 40)
    page.evaluate(ANSWERED)
    expect(cell(page, "live one", "stored")).to_have_text("12 of 40")
    page.keyboard.type("g")
    page.keyboard.press("Enter")
    expect(page.locator(".run-tag")).to_have_text(["half a tag"])
    expect(cell(page, "live one", "stored")).to_have_text("40")
    writer.finish()
    expect(cell(page, "live one", "stateText")).to_have_text("finished")
    writer.close()


def test_an_empty_store_says_what_to_type_and_the_first_run_appears(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    page.goto(serve(tmp_path / "none.db") + "runs/")
    expect(page.locator("#empty")).to_contain_text("No store yet")
    expect(page.locator("#empty code")).to_contain_text("python -m collector --store")
    stores.make_store(tmp_path / "none.db", 4, name="first")
    expect(names(page)).to_have_text(["first"])
    expect(page.locator("#empty")).to_be_hidden()


def test_edits_from_elsewhere_arrive(shown: Page, store: Path) -> None:
    edit_run(str(store), 1, name="renamed elsewhere", tags=["far"])
    expect(names(shown)).to_have_text(["gamma", "beta", "renamed elsewhere"])
    expect(shown.locator(".run-tag")).to_have_text(["far"])


def test_an_experiments_epochs_stand_beside_its_runs(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    for epoch in (9, 10):
        new = replace(stores.new_run(f"e{epoch}"), experiment="sweep", epoch=epoch)
        with RunWriter.begin(str(tmp_path / "s.db"), new) as writer:
            writer.finish()
    page.goto(serve(tmp_path / "s.db") + "runs/")
    expect(names(page)).to_have_count(2)
    heading(page, "Epoch").click()
    expect(names(page)).to_have_text(["e9", "e10"])
    expect(cell(page, "e9", "experiment")).to_have_text("sweep")


def test_the_help_explains_the_page(shown: Page) -> None:
    shown.get_by_role("button", name="How to read this").click()
    expect(shown.get_by_role("dialog")).to_contain_text("a checkpoint that no other run uses")


def test_what_runs_were_computed_in_is_shown_once_they_differ(shown: Page, store: Path) -> None:
    heading = shown.get_by_role("columnheader", name="Precision")
    expect(shown.get_by_role("columnheader", name="State")).to_be_visible()
    expect(heading).to_have_count(0)
    new = dataclasses.replace(stores.new_run("brief"), options={"precision": "bfloat16"})
    with RunWriter.begin(str(store), new) as writer:
        stores.append(writer, stores.truth(4), 0, 4)
        writer.finish()
    expect(heading).to_be_visible()
    expect(cell(shown, "brief", "precision")).to_have_text("bfloat16")
    expect(cell(shown, "beta", "precision")).to_have_text("float32")


def test_a_long_name_is_cut_in_its_middle_never_at_the_end_that_tells(
    page: Page, serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    names = [f"a-very-long-name-of-an-experiment-at-{rate}" for rate in ("rate-0.01", "rate-0.02")]
    for name in names:
        stores.make_store(path, 2, name=name)
    page.goto(f"{serve(path)}runs/")
    for name in names:
        link = page.get_by_role("link", name=name, exact=True)
        expect(link.locator(".middle-tail")).to_have_text(name[-12:])
        head = link.locator(".middle-head").evaluate("one => [one.scrollWidth, one.clientWidth]")
        tail = link.locator(".middle-tail").evaluate("one => [one.scrollWidth, one.clientWidth]")
        assert head[0] > head[1]
        assert tail[0] <= tail[1]
