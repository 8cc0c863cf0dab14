(() => {
  // A slider between two versions of a picture, which stand on the page already.
  const MOST = 3; // CSS pixels of a picture pixel
  const bar = document.querySelector(".sides");
  if (!bar) { return; }
  const choice = (side) => bar.querySelector(`select[data-side-of="${side}"]`);
  const article = (between) => between.closest("article");
  const sliders = [...document.querySelectorAll(".between")];
  const version = (between, method) =>
    [...article(between).querySelectorAll("figure[data-method]")]
      .find((figure) => figure.dataset.method === method);

  const say = (between) => {
    const input = between.querySelector("input");
    input.setAttribute("aria-valuetext", `${input.value} % ${choice("left").value}, then ${choice("right").value}`);
    between.querySelector(".slider").style.setProperty("--at", input.value + "%");
  };
  const choose = () => {
    const left = choice("left").value, right = choice("right").value;
    for (const between of sliders) {
      const found = [version(between, left), version(between, right)];
      between.querySelector(".under").src = found[0].querySelector("img").src;
      between.querySelector(".over").src = found[1].querySelector("img").src;
      // Name and numbers, as they stand below the pictures.
      const kept = between.closest(".strip") ? "figcaption b" : "figcaption > *"; // crops: no room
      const captions = found.map((figure) => [...figure.querySelectorAll(kept)]
        .flatMap((part) => [" ", part.cloneNode(true)]));
      between.querySelector(".pair").replaceChildren(...captions[0], " │ ", ...captions[1]);
      say(between);
    }
  };

  // Whole pictures: one pixel covers k×k whole device pixels, k as large as the page allows.
  const size = (whole) => {
    const ratio = window.devicePixelRatio || 1;
    const wide = Number(whole.dataset.width), high = Number(whole.dataset.height);
    const room = Math.min(whole.clientWidth * ratio / wide, 0.86 * window.innerHeight * ratio / high);
    const times = Math.max(1, Math.min(Math.floor(room + 1e-6), Math.round(MOST * ratio)));
    const least = Math.max(1, Math.round(ratio)); // side by side: about one CSS pixel each
    for (const [name, value, k] of [["wide", wide, times], ["high", high, times], ["one", wide, least], ["tall", high, least]]) {
      whole.style.setProperty(`--${name}`, k * value / ratio + "px");
    }
  };
  const sizeAll = () => document.querySelectorAll(".whole").forEach(size);

  bar.hidden = false;
  for (const between of sliders) {
    between.hidden = false;
    between.querySelector("input").addEventListener("input", () => say(between));
    // The crop's row magnifies on a click; the slider's own clicks are its own.
    for (const kind of ["click", "pointermove", "keydown"]) {
      between.addEventListener(kind, (event) => event.stopPropagation());
    }
  }
  for (const details of document.querySelectorAll(".whole details")) { details.open = false; }
  bar.addEventListener("change", choose);
  bar.querySelector("[data-swap]").addEventListener("click", () => {
    [choice("left").value, choice("right").value] = [choice("right").value, choice("left").value];
    choose();
  });
  choose();
  sizeAll();
  window.dispatchEvent(new Event("resize")); // rows have one cell more now
  let waiting = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(sizeAll);
  });
})();
