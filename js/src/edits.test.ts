// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { Edits } from "./edits.ts";

let newest: number;
let edits: Edits;
let control: HTMLInputElement;

beforeEach(() => {
  newest = 0;
  edits = new Edits(() => newest);
  control = document.createElement("input");
  document.body.replaceChildren(control);
});

/** The user types, and the event that carries it is sent and answered. */
const typed = (): void => {
  edits.edited(control);
  edits.carried(++newest, [control]);
  edits.frame(newest);
};

test("without stored values a fresh instance is told every edit", () => {
  typed();
  edits.saved();
  edits.mounted(newest, false);
  expect(edits.isEdited(control)).toBe(true);
  expect(edits.yields(control)).toBe(false);
});

test("what was saved is not told again and follows what was recovered", () => {
  typed();
  edits.saved();
  edits.mounted(newest, true);
  expect(edits.isEdited(control)).toBe(false);
  expect(edits.yields(control)).toBe(true);
});

test("what was typed since the last change that was saved is told", () => {
  typed();
  edits.saved();
  typed();
  edits.mounted(newest, true);
  expect(edits.isEdited(control)).toBe(true);
  expect(edits.yields(control)).toBe(false);
});

test("a mark says nothing of events that are answered later", () => {
  edits.edited(control);
  newest++; // sent, not answered
  edits.saved();
  edits.mounted(newest, true);
  expect(edits.isEdited(control)).toBe(true);
});

test("what was saved before counts as edited when the next instance finds nothing", () => {
  typed();
  edits.saved();
  edits.mounted(newest, true);
  edits.mounted(newest, false);
  expect(edits.isEdited(control)).toBe(true);
});

test("what debouncing holds back is told, though another event was answered and saved meanwhile", () => {
  control.setAttribute("live-change", "Edit;d=200");
  typed();
  edits.edited(control);
  edits.frame(++newest); // a click elsewhere
  edits.saved();
  expect(edits.yields(control)).toBe(false);
  edits.mounted(newest, true);
  expect(edits.isEdited(control)).toBe(true);
  expect(edits.yields(control)).toBe(false);
  edits.carried(++newest, [control]);
  expect(edits.yields(control)).toBe(false);
  edits.frame(newest);
  expect(edits.yields(control)).toBe(true);
});

test("a change event that follows input is no other edit", () => {
  control.setAttribute("live-change", "Edit");
  edits.start();
  control.value = "a";
  control.dispatchEvent(new Event("input", { bubbles: true }));
  edits.carried(++newest, [control]);
  edits.frame(newest);
  control.dispatchEvent(new Event("change", { bubbles: true }));
  expect(edits.yields(control)).toBe(true);
  control.value = "b";
  control.dispatchEvent(new Event("change", { bubbles: true }));
  expect(edits.yields(control)).toBe(false);
  edits.stop();
});
