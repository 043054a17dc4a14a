/* Names, tags and notes: what a person wrote goes to the server, which has the last word. */
(function () {
  "use strict";

  const rc = window.reactcnn;
  const write = (rc.runsWrite = {});

  let number = 0;
  const under = new Map();

  const words = (text) => (text || "").split(/\s+/).filter(Boolean).join(" ");

  /** What the server will make of a text, and how it is told. */
  const COLUMNS = {
    name: { clean: words, edit: (text) => ({ name: text }) },
    tagText: {
      clean: (text) => [...new Set(rc.runRows.tags(text).map(words))].join(", "),
      edit: (text) => ({ tags: rc.runRows.tags(text) }),
    },
    note: { clean: (text) => (text || "").trim(), edit: (text) => ({ note: text }) },
  };

  /** Put a value into a cell as if nobody had written there. */
  function put(id, column, value) {
    const node = rc.runsTable.api.getRowNode(String(id));
    if (node) node.updateData({ ...node.data, [column]: value });
  }

  /** A cell was changed by hand. */
  write.changed = function ({ data, column, newValue, oldValue }) {
    const name = column.getColId();
    if (!COLUMNS[name]) return;
    const text = COLUMNS[name].clean(newValue);
    put(data.id, name, text);
    if (text === oldValue) return;
    number += 1;
    under.set(number, { id: data.id, name, oldValue });
    rc.setProps("runs-edit", { data: { id: data.id, number, ...COLUMNS[name].edit(text) } });
  };

  /** The server's answer to an edit. */
  write.answered = function ({ number: answered, notice }) {
    const edit = under.get(answered);
    under.delete(answered);
    if (notice && edit) put(edit.id, edit.name, edit.oldValue);
    rc.notice(notice || null);
    rc.runsPoll.now();
  };
})();
