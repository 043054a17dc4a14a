import assert from "node:assert/strict";
import test from "node:test";
import { answerOf, ask, Refused, tell } from "../../reactcnn_dash/assets/base/asker.mjs";

const asked = [];

/** Let the next request be answered so. */
function answering(body, status = 200, type = "application/json") {
  asked.length = 0;
  globalThis.fetch = async (address, request) => {
    asked.push([address, request]);
    return new Response(body, { status, headers: { "Content-Type": type } });
  };
}

const wrong = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return [error instanceof Refused, error.message];
  }
  throw new Error("it was answered");
};

test("what a server refuses in a line is said in its own words", async () => {
  for (const [status, words] of [
    [403, "This server only shows: nothing can be changed."],
    [404, "There is no run 7."],
    [410, "The pixels of image 3 are damaged."],
    [413, "The request is longer than 1,000 bytes."],
    [503, "Another export is under way."],
  ]) {
    answering(`${words}\n`, status, "text/plain; charset=utf-8");
    assert.deepEqual(await wrong(answerOf("/runs/a/images/3")), [true, words]);
    assert.deepEqual(await wrong(tell("/slims/try")), [true, words]);
  }
});

test("a failure has its reason in the server's log", async () => {
  for (const [status, type] of [
    [500, "text/plain"],
    [502, "text/html"],
  ]) {
    answering("Bad things happened", status, type);
    const words = `The server failed (${status}); its log says why.`;
    assert.deepEqual(await wrong(ask("/slims/of")), [false, words]);
  }
});

test("a refusal in JSON rejects with its words, anything else is the answer", async () => {
  answering('{"status": "refused", "message": "Not so."}');
  assert.deepEqual(await wrong(ask("/runs/a/search", { of: "x" })), [true, "Not so."]);
  answering('{"status": "done", "total": 3}');
  assert.equal((await ask("/runs/a/search", { of: "all", near: null })).total, 3);
  assert.equal(asked[0][0], "/runs/a/search?of=all");
});

test("what changes something is sent as JSON", async () => {
  answering("{}");
  await tell("/model/a/what-if/cancel", { instead: "zero" }, { share: 25 });
  const [[address, request]] = asked;
  assert.equal(address, "/model/a/what-if/cancel?instead=zero");
  assert.equal(request.method, "POST");
  assert.equal(request.headers["Content-Type"], "application/json");
  assert.deepEqual(JSON.parse(request.body), { share: 25 });
});
