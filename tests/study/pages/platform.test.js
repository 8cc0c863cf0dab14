import assert from "node:assert/strict";
import { test } from "node:test";

import { identityOf, readVisitor, wayBack } from "../pages/platform.js";

test("an open link", () => {
  const visitor = readVisitor("");
  assert.deepEqual(visitor, { platform: {}, invitation: null, preview: false });
  assert.equal(identityOf(visitor), "");
});

test("Prolific's three parameters, and no others", () => {
  const visitor = readVisitor("?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=x1&workerId=w&utm=1");
  assert.deepEqual(visitor.platform, { PROLIFIC_PID: "p1", STUDY_ID: "s1", SESSION_ID: "x1" });
  const other = readVisitor("?PROLIFIC_PID=p1&STUDY_ID=s1&SESSION_ID=x2");
  assert.notEqual(identityOf(visitor), identityOf(other));
  assert.equal(identityOf(visitor), identityOf(readVisitor("?PROLIFIC_PID=p1&SESSION_ID=x1")));
});

test("Mechanical Turk's parameters", () => {
  const search =
    "?assignmentId=A1&hitId=H1&workerId=W1&turkSubmitTo=https%3A%2F%2Fworkersandbox.mturk.com";
  const visitor = readVisitor(search);
  assert.deepEqual(visitor.platform, {
    assignmentId: "A1",
    hitId: "H1",
    workerId: "W1",
    turkSubmitTo: "https://workersandbox.mturk.com",
  });
  assert.equal(visitor.preview, false);
  // Who gives a task back and takes it again is paid for the second assignment only.
  const again = readVisitor(search.replace("A1", "A2"));
  assert.notEqual(identityOf(visitor), identityOf(again));
});

test("a preview is nobody", () => {
  const visitor = readVisitor("?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H1");
  assert.equal(visitor.preview, true);
  assert.deepEqual(visitor.platform, {});
});

test("an invitation", () => {
  assert.equal(identityOf(readVisitor("?invitation=abc")), "abc");
});

test("only Prolific takes back who does not take part", () => {
  const codes = { no_consent: "NO1", screened_out: "OUT&x" };
  const study = { platform: "prolific", codes };
  assert.equal(wayBack(study, "no_consent"), "https://app.prolific.com/submissions/complete?cc=NO1");
  assert.match(wayBack(study, "screened_out"), /cc=OUT%26x$/);
  assert.equal(wayBack({ platform: "open", codes }, "no_consent"), null);
  assert.equal(wayBack({ platform: "prolific", codes: null }, "no_consent"), null);
});
