/* Searching in the run: the hits, a page at a time, and walking through them. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const PAGE = 60;
  const RENEW_MS = 2000;
  const search = Object.assign(rc.search, { total: null, at: -1 });
  let key = "";
  let pages = new Map();
  let storedThen = -1;
  let renewedAt = 0;
  let controlled = "";

  /** Ask for the page at an offset; `near` an image whose place is wanted too. */
  async function ask(offset, near) {
    const query = new URLSearchParams({ of: rc.view.search, offset });
    if (near !== null) query.set("near", near);
    const answer = await fetch(`/runs/${rc.shown.run.uuid}/search?${query}`);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }

  function taken(page) {
    const hits = page.hits.map(([ordinal, label, prediction, wrong, confidence]) => ({
      ordinal,
      label,
      prediction,
      wrong,
      confidence,
    }));
    pages.set(page.offset / PAGE, hits);
    search.total = page.total;
    return hits;
  }

  /** Fetch a page unless it is here or on its way; null when the search changed meanwhile. */
  async function load(index, near) {
    const known = pages.get(index);
    if (known && near === null) return { hits: await known, place: null };
    const asked = key;
    const coming = ask(index * PAGE, near);
    if (!known) {
      const hits = coming.then((page) => (asked === key ? taken(page) : []));
      hits.catch(() => asked === key && pages.delete(index));
      pages.set(index, hits);
    }
    const page = await coming;
    if (asked !== key) return null;
    return { hits: taken(page), place: page.place };
  }

  /** Do what may fail at the server; say what went wrong. */
  async function tried(action) {
    try {
      return await action();
    } catch (error) {
      rc.notice(`The search failed: ${error.message}`);
      return null;
    }
  }

  /** A hit by its place, or undefined while its page is fetched: the strip is drawn again then. */
  search.hit = function (index) {
    const page = pages.get(Math.floor(index / PAGE));
    if (Array.isArray(page)) return page[index % PAGE];
    if (!page) {
      tried(async () => {
        if (await load(Math.floor(index / PAGE), null)) rc.strip.draw();
      });
    }
    return undefined;
  };

  async function hitAt(index) {
    const loaded = await load(Math.floor(index / PAGE), null);
    return loaded ? loaded.hits[index % PAGE] : undefined;
  }

  const shownOrdinal = () => rc.view.image ?? (rc.shown.image ? rc.shown.image.ordinal : null);

  function drawCount() {
    const { total, at } = search;
    const count = total === null ? "" : `${rc.count(total)} of ${rc.count(rc.shown.run.stored)}`;
    rc.setText("search-count", count);
    rc.byId("search-count").title = at >= 0 && total ? `Result ${rc.count(at + 1)} of ${rc.count(total)}` : "";
    for (const id of ["search-previous", "search-next"]) rc.byId(id).disabled = !total;
    rc.byId("search-clusters").disabled = !total;
  }

  /** Begin a search anew: its first page, and where the image on the page stands in it. Opened,
      the strip shows that place; asked for something else, what comes first. */
  function begin(opened) {
    pages = new Map();
    search.total = null;
    search.at = -1;
    storedThen = rc.shown.run.stored;
    renewedAt = Date.now();
    rc.strip.clear();
    tried(async () => {
      const begun = await load(0, shownOrdinal());
      if (!begun) return;
      search.at = begun.place ?? -1;
      drawCount();
      rc.strip.resize();
      if (opened && search.at >= 0) rc.strip.reveal(search.at);
      rc.strip.draw();
    });
  }

  /** The run has grown: what is in sight is asked for again. */
  function renew() {
    storedThen = rc.shown.run.stored;
    renewedAt = Date.now();
    pages = new Map();
    const first = Math.floor(rc.strip.first() / PAGE);
    tried(async () => {
      if (!(await load(first, null))) return;
      drawCount();
      rc.strip.resize();
      rc.strip.draw();
    });
  }

  /** Bring the search in line with the view and the run. */
  search.refresh = function () {
    const { run } = rc.shown;
    const open = rc.view.search !== null && run !== null;
    rc.byId("search").hidden = !open;
    rc.byId("search-button").setAttribute("aria-expanded", String(open));
    if (!open) {
      key = "";
      return;
    }
    const wanted = `${run.uuid}/${rc.view.search}`;
    if (wanted !== key) {
      const opened = key === "";
      key = wanted;
      begin(opened);
    } else if (run.stored !== storedThen && Date.now() - renewedAt > RENEW_MS) {
      renew();
    } else {
      rc.strip.draw();
    }
    drawCount();
  };

  /** Go to a hit by its place. */
  search.go = function (index) {
    return tried(async () => {
      const hit = await hitAt(index);
      if (!hit) return;
      search.at = index;
      rc.poll.goTo(hit.ordinal);
      drawCount();
      rc.strip.reveal(index);
      rc.strip.draw();
    });
  };

  /** Walk through the hits, from the image on the page: +1 for the next one, −1 for the one before. */
  search.step = function (by) {
    if (rc.view.search === null || !search.total) return;
    const ordinal = shownOrdinal();
    tried(async () => {
      const here = search.at >= 0 ? await hitAt(search.at) : undefined;
      let next = search.at + by;
      if (!here || here.ordinal !== ordinal) {
        const begun = await load(0, ordinal);
        if (!begun) return;
        if (begun.place !== null) {
          const there = begun.place < search.total ? await hitAt(begun.place) : undefined;
          const isHit = there !== undefined && there.ordinal === ordinal;
          next = begun.place + (by > 0 && !isHit ? 0 : by);
        }
      }
      if (next >= 0 && next < search.total) await search.go(next);
      else rc.notice(by > 0 ? "No result after this one." : "No result before this one.", "info");
    });
  };

  /** Open the search, or close it. */
  search.toggle = () => rc.setView({ search: rc.view.search === null ? "all" : null });

  /** Open the search by keyboard: what to look for comes first. */
  search.start = function () {
    if (rc.view.search === null) rc.setView({ search: "all" });
    rc.byId("search").hidden = false;
    rc.byId(rc.shown.run?.labelled ? "search-label" : "search-prediction").focus();
  };

  search.close = () => rc.setView({ search: null });

  /** Change what is asked for. */
  search.choose = function (change) {
    if (rc.view.search === null) return;
    const fields = search.read(rc.view.search);
    if (Object.entries(change).every(([name, value]) => fields[name] === value)) return;
    rc.setView({ search: search.write({ ...fields, ...change }) });
  };

  /** Bring the controls in line with the view; a run's classes may be a thousand. */
  search.drawControls = function () {
    const wanted = rc.view.search === null ? "" : `${rc.shown.run.uuid}/${rc.view.search}`;
    if (wanted === controlled) return;
    controlled = wanted;
    if (!wanted) return;
    const { label, predicted, wrong, from, to, order } = search.read(rc.view.search);
    const data = rc.shown.model.classes.map((name, index) => ({ value: String(index), label: name }));
    const text = (value) => (value === null ? null : String(value));
    rc.setProps("search-label", { data, value: text(label) });
    rc.setProps("search-prediction", { data, value: text(predicted) });
    rc.setProps("search-first", { value: from });
    rc.setProps("search-last", { value: to });
    rc.setProps("search-order", { value: order });
    rc.byId("search-wrong").setAttribute("aria-pressed", String(wrong));
  };
})();
