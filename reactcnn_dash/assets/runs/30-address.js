/* The list's link: what it is searched, filtered and sorted by stands in the address.

     find     words to find in any column
     sort     columns with their direction, as in "percent:desc,name:asc"
     filter   the columns' filters as the grid knows them, as JSON
     page     number of the page, from 1
*/
(function () {
  "use strict";

  const rc = window.reactcnn;
  const address = (rc.runsAddress = {});

  const DEFAULT_SORT = "startedAt:desc";

  function filterIn(text) {
    try {
      return text ? JSON.parse(text) : null;
    } catch {
      return null;
    }
  }

  address.read = function () {
    const query = new URLSearchParams(window.location.search);
    return {
      find: query.get("find") || "",
      sort: query.get("sort") || DEFAULT_SORT,
      filter: filterIn(query.get("filter")),
      page: Math.max(1, Math.trunc(Number(query.get("page")) || 1)),
    };
  };

  address.write = function ({ find, sort, filter, page }) {
    const query = new URLSearchParams();
    if (find) query.set("find", find);
    if (sort !== DEFAULT_SORT) query.set("sort", sort);
    if (filter && Object.keys(filter).length) query.set("filter", JSON.stringify(filter));
    if (page > 1) query.set("page", page);
    const text = query.toString();
    window.history.replaceState(null, "", window.location.pathname + (text ? `?${text}` : ""));
  };

  /** The columns' state that says how to sort. */
  address.sortState = (text) =>
    text.split(",").map((part, sortIndex) => {
      const [colId, sort] = part.split(":");
      return { colId, sort: sort === "desc" ? "desc" : "asc", sortIndex };
    });

  address.sortText = (columns) =>
    columns
      .filter((column) => column.sort)
      .sort((a, b) => a.sortIndex - b.sortIndex)
      .map((column) => `${column.colId}:${column.sort}`)
      .join(",");
})();
