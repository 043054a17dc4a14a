import assert from "node:assert/strict";
import test from "node:test";
import { besideOf } from "../../reactcnn_dash/assets/base/beside.mjs";

const ROOM = { width: 1000, height: 700 };
const CARD = { width: 300, height: 150 };
const apart = (place, box) =>
  place.left + CARD.width <= box.left ||
  box.left + box.width <= place.left ||
  place.top + CARD.height <= box.top ||
  box.top + box.height <= place.top;

test("a card stands beside its target, whole in the window", () => {
  for (const left of [0, 100, 500, 900, 990]) {
    for (const top of [0, 300, 690]) {
      const target = { left, top, width: 8, height: 8 };
      const place = besideOf(CARD, target, [], ROOM);
      assert.ok(apart(place, target));
      assert.ok(place.left >= 8 && place.left + CARD.width <= ROOM.width - 8);
      assert.ok(place.top >= 8 && place.top + CARD.height <= ROOM.height - 8);
    }
  }
});

test("it goes where it covers nothing that should be seen", () => {
  const target = { left: 400, top: 300, width: 60, height: 60 };
  const map = { left: 480, top: 250, width: 200, height: 200 };
  const place = besideOf(CARD, target, [map], ROOM);
  assert.ok(apart(place, target) && apart(place, map));
});

test("what is more important is covered last", () => {
  const target = { left: 0, top: 0, width: 360, height: 520 };
  const phone = { width: 390, height: 700 };
  const place = besideOf(CARD, target, [], phone);
  assert.ok(apart(place, target));
});
