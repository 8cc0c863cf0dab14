// The page behind the link that every participant gets: it deletes what they answered.

import { byId, el } from "./dom.js";
import { browserOutside, Transport } from "./transport.js";

const main = byId("page");
const trouble = byId("trouble");
const transport = new Transport(document.baseURI, browserOutside(window), (found) => {
  trouble.textContent = found
    ? `${found.offline ? "There is no network." : "The server does not answer."} Trying again …`
    : "";
  trouble.classList.toggle("empty", found === null);
});

const token = window.location.hash.slice(1);
// What can delete answers does not stay in the address, where others may see it.
if (token) window.history.replaceState(null, "", window.location.pathname);

/** @param {...(Node | string)} parts */
function page(...parts) {
  main.replaceChildren(...parts);
  const heading = main.querySelector("h1");
  if (heading) {
    document.title = heading.textContent ?? "";
    heading.tabIndex = -1;
    heading.focus();
  }
}

/** @param {boolean} known whether participants come with an id, or with an invitation */
function question(known) {
  page(
    el("h1", {}, "Withdraw from the study"),
    el(
      "p",
      {},
      known
        ? "All your rankings, their times and the id by which you came are deleted, at once and " +
            "for good. You need not say why. An unreadable mark stays until the study forgets who " +
            "took part, so that you are not asked again."
        : "All your rankings and their times are deleted, at once and for good. You need not say " +
            "why.",
    ),
    el(
      "p",
      { class: "soft" },
      "If the study was not over yet, it ends for you here. To go on instead, close this page.",
    ),
    el(
      "div",
      { class: "actions" },
      el(
        "button",
        { type: "button", class: "danger", click: () => void withdraw() },
        "Delete all my answers",
      ),
    ),
  );
}

let asked = false;

async function withdraw() {
  if (asked) return;
  asked = true;
  const reply = await transport.ask("POST", "api/withdraw", { body: { token } });
  if (reply.status === 200) {
    page(
      el("h1", {}, "Your answers are deleted"),
      el("p", {}, "Nothing that you answered is kept. Thank you for your time. You may close this page."),
    );
  } else {
    unknown();
  }
}

function unknown() {
  page(
    el("h1", {}, "This link is not complete"),
    el(
      "p",
      {},
      "No answers belong to it. Please open the whole link that the study gave you; if it was used " +
        "before, everything is deleted already.",
    ),
  );
}

async function describe() {
  const { status, data } = await transport.ask("GET", "api/study");
  if (token) question(status !== 200 || data.platform !== "open" || data.invitations);
  else unknown();
  if (status !== 200) return;
  const title = byId("title");
  title.textContent = data.title;
  title.lang = data.language;
  byId("foot").replaceChildren(el("p", {}, "Questions? ", data.contact));
}

void describe();
