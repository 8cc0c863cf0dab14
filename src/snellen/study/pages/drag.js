// Dragging a picture onto a rank: an extra beside clicks and keys, for mouse, pen and finger.

import { el } from "./dom.js";
import { letter } from "./words.js";

const START = 6;

/** @typedef {{place: number, pointer: number, x: number, y: number, ghost: HTMLElement | null}} Held */

export class Drag {
  /**
   * @param {HTMLElement} area
   * @param {{onDrop: (place: number, rank: number | null) => void}} told rank is null where a chip
   *   was dragged out of the ranking
   */
  constructor(area, { onDrop }) {
    this.area = area;
    this.onDrop = onDrop;
    /** @type {Held | null} */
    this.held = null;
    /** Whether the click that is to come belongs to a drag. */
    this.justDropped = false;
    this.chip = false;
    area.addEventListener("pointerdown", (event) => this.down(event));
    area.addEventListener("pointermove", (event) => this.move(event));
    area.addEventListener("pointerup", (event) => this.up(event));
    area.addEventListener("pointercancel", () => this.cancel());
    area.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.cancel();
    });
  }

  /** @param {PointerEvent} event */
  down(event) {
    this.justDropped = false;
    if (event.button !== 0 || !event.isPrimary || !(event.target instanceof Element)) return;
    const handle = event.target.closest("[data-drag]");
    // A finger on a picture scrolls the page; it drags by the bar above.
    const card = event.pointerType === "touch" ? null : event.target.closest("button.picture");
    const owner = handle ?? card?.closest("[data-place]");
    if (!(owner instanceof HTMLElement)) return;
    const place = Number(owner.dataset.drag ?? owner.dataset.place);
    this.chip = owner.classList.contains("chip");
    this.held = { place, pointer: event.pointerId, x: event.clientX, y: event.clientY, ghost: null };
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { held } = this;
    if (!held || event.pointerId !== held.pointer) return;
    if (!held.ghost) {
      if (Math.hypot(event.clientX - held.x, event.clientY - held.y) < START) return;
      held.ghost = el("div", { class: "ghost", "aria-hidden": "true" }, letter(held.place));
      document.body.append(held.ghost);
      this.area.classList.add("dragging");
      this.area.setPointerCapture(held.pointer);
    }
    held.ghost.style.transform = `translate(${event.clientX}px, ${event.clientY}px)`;
    const slot = this.slotAt(event);
    for (const other of this.area.querySelectorAll(".slot")) {
      other.classList.toggle("over", other === slot);
    }
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { held } = this;
    if (!held || event.pointerId !== held.pointer) return;
    const slot = held.ghost ? this.slotAt(event) : null;
    const dragged = held.ghost !== null;
    this.cancel();
    if (!dragged) return;
    this.justDropped = true;
    setTimeout(() => (this.justDropped = false), 0);
    if (slot) this.onDrop(held.place, Number(slot.dataset.rank));
    else if (this.chip) this.onDrop(held.place, null);
  }

  cancel() {
    this.held?.ghost?.remove();
    this.held = null;
    this.area.classList.remove("dragging");
    for (const slot of this.area.querySelectorAll(".over")) slot.classList.remove("over");
  }

  /**
   * @param {PointerEvent} event
   * @returns {HTMLElement | null}
   */
  slotAt({ clientX, clientY }) {
    const slot = document.elementFromPoint(clientX, clientY)?.closest(".slot");
    return slot instanceof HTMLElement ? slot : null;
  }
}
