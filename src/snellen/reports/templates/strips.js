(() => {
  const ZOOM = 3;
  const LEAST = 88; // CSS pixels of a picture in a row that scrolls

  // One picture pixel covers k×k whole device pixels, k as large as the row allows.
  const fit = (cells) => {
    const side = Number(cells.dataset.side);
    // One row, which scrolls; or, where "wrap" says so, as many as it takes.
    const wide = !("wrap" in cells.dataset) && matchMedia("(min-width: 561px)").matches;
    const least = wide ? LEAST : Number(cells.dataset.least); // narrower pictures: break the row
    const count = cells.children.length;
    const ratio = window.devicePixelRatio || 1;
    const gap = parseFloat(getComputedStyle(cells).columnGap) || 0;
    let best = null;
    for (let rows = 1; rows <= (wide ? 1 : count); rows += 1) {
      const columns = Math.ceil(count / rows);
      const room = (cells.clientWidth - gap * (columns - 1)) / columns;
      const times = Math.floor(room * ratio / side + 1e-6);
      if (times < 1) { continue; }
      const width = times * side / ratio;
      if (!best || width > best.width) { best = { columns, width }; }
      if (width >= least || columns <= 2) { break; }
    }
    if (wide && !(best && best.width >= least)) {
      best = { columns: count, width: Math.ceil(least * ratio / side - 1e-6) * side / ratio };
    }
    // Narrower than one picture: shrink it rather than cut it.
    const chosen = best || { columns: 1, width: cells.clientWidth };
    cells.style.setProperty("--columns", chosen.columns);
    cells.style.setProperty("--side", chosen.width + "px");
  };
  const fitAll = () => document.querySelectorAll(".cells").forEach(fit);
  fitAll();
  let waiting = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => { fitAll(); document.querySelectorAll(".strip.zoomed").forEach(place); });
  });

  // Magnify the same detail in the whole row.
  const at = new WeakMap();
  const clamp = (value) => Math.min(1 - 1 / ZOOM, Math.max(0, value));
  function place(strip) {
    const point = at.get(strip) || { x: 0.5, y: 0.5 };
    const left = clamp(point.x - 0.5 / ZOOM), top = clamp(point.y - 0.5 / ZOOM);
    strip.style.setProperty("--left", 100 * left + "%");
    strip.style.setProperty("--top", 100 * top + "%");
    const ratio = window.devicePixelRatio || 1;
    for (const stack of strip.querySelectorAll(".stack")) {
      const frame = stack.parentElement;
      const whole = (part, size) => Math.round(part * size * ZOOM * ratio) / ratio;
      stack.style.transform = strip.classList.contains("zoomed")
        ? `translate(${-whole(left, frame.clientWidth)}px, ${-whole(top, frame.clientHeight)}px) scale(${ZOOM})` : "";
    }
  }
  const aim = (strip, frame, event) => {
    const box = frame.getBoundingClientRect();
    at.set(strip, { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
    place(strip);
  };
  for (const strip of document.querySelectorAll(".strip")) {
    let start = null, moved = false;
    strip.addEventListener("pointerdown", (event) => { start = event; moved = false; });
    strip.addEventListener("pointermove", (event) => {
      const frame = event.target.closest(".frame");
      if (!frame) { strip.classList.remove("aimed"); return; }
      if (event.pointerType !== "mouse" && !strip.classList.contains("zoomed")) { return; }
      if (start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > 8) { moved = true; }
      strip.classList.add("aimed");
      aim(strip, frame, event);
    });
    strip.addEventListener("pointerleave", () => strip.classList.remove("aimed"));
    strip.addEventListener("click", (event) => {
      const frame = event.target.closest(".frame");
      start = null;
      if (!frame || (moved && event.pointerType === "touch")) { return; }
      strip.classList.toggle("zoomed");
      aim(strip, frame, event);
    });
    strip.addEventListener("keydown", (event) => {
      if (event.target !== strip) { return; }
      const zoomed = strip.classList.contains("zoomed");
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "Enter" || event.key === " ") {
        strip.classList.toggle("zoomed");
      } else if (event.key === "Escape" && zoomed) {
        strip.classList.remove("zoomed");
      } else if (step && zoomed) {
        const point = at.get(strip) || { x: 0.5, y: 0.5 };
        const limit = (value) => Math.min(1, Math.max(0, value));
        at.set(strip, { x: limit(point.x + step[0] / 12), y: limit(point.y + step[1] / 12) });
      } else { return; }
      event.preventDefault();
      place(strip);
    });
  }
})();
