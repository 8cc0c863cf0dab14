"use strict";
(() => {
  // Theme: follow the system unless a choice was made here.
  const root = document.documentElement;
  const themes = document.querySelector(".themes");
  const remembered = () => { try { return localStorage.getItem("snellen-theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("snellen-theme", theme); } catch { /* private mode */ } };
  const setTheme = (theme) => {
    if (theme === "auto") { root.removeAttribute("data-theme"); } else { root.dataset.theme = theme; }
    for (const button of themes.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
    }
  };
  themes.hidden = false;
  const stored = remembered();
  setTheme(stored === "light" || stored === "dark" ? stored : "auto");
  themes.addEventListener("click", (event) => {
    const theme = event.target.dataset.themeChoice;
    if (theme) { setTheme(theme); remember(theme); }
  });

  // Copy the command.
  const copy = document.querySelector("[data-copy]");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(copy.previousElementSibling.textContent);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(copy.previousElementSibling);
      }
    });
  }
})();
