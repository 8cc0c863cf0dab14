// Elements in one expression. Text goes in as text, never as HTML.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean | null | ((event: any) => void)>} [attributes]
 *   a function listens to the event of that name; false and null leave an attribute out
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => typeof child === "string" || child instanceof Node));
  return element;
}

/**
 * A button that sends an event.
 *
 * @template T
 * @param {(event: T) => void} dispatch
 * @param {string} label
 * @param {T} event
 * @param {string} [kind]
 * @returns {HTMLButtonElement}
 */
export function button(dispatch, label, event, kind = "strong") {
  return el("button", { type: "button", class: kind, click: () => dispatch(event) }, label);
}

/**
 * Plain text as paragraphs: a blank line ends one, a single line break stays.
 *
 * @param {string} text
 * @param {string} language
 * @returns {HTMLElement}
 */
export function prose(text, language) {
  const paragraphs = text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== "");
  return el("div", { class: "prose", lang: language }, ...paragraphs.map((p) => el("p", {}, p)));
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}
