// Links that lead to a definition show it: under the pointer, at the keyboard's focus, or at a tap.
// The definitions are in the page, in <template class="explanation" data-for="ADDRESS">.
(() => {
  "use strict";

  const PATIENCE = 200; // ms before a bubble opens under the pointer, or closes behind it

  const templates = new Map();
  for (const template of document.querySelectorAll("template.explanation")) {
    templates.set(template.dataset.for, template);
  }
  if (templates.size === 0) return;
  const links = [...document.querySelectorAll("article a[href]")].filter((link) =>
    templates.has(link.getAttribute("href")),
  );
  for (const link of links) {
    link.classList.add("explained");
    // A formula becomes a picture: its TeX, still there now, is the name of the link.
    if (link.querySelector("span.math")) {
      const words = link.textContent.replace(/\\[()]/g, "").replace(/[\\{}]+/g, " ");
      link.setAttribute("aria-label", words.replace(/\s+/g, " ").trim());
    }
  }

  const start = () => {
    const bubble = document.createElement("div");
    bubble.id = "explanation";
    bubble.setAttribute("role", "tooltip");
    bubble.hidden = true;
    (document.querySelector("main") || document.body).append(bubble);

    let owner = null; // the link that the bubble explains
    let timer = 0;

    const place = () => {
      if (owner === null) return;
      const link = owner.getClientRects()[0] || owner.getBoundingClientRect();
      const margin = 8;
      const width = document.documentElement.clientWidth;
      const left = Math.min(link.left, width - bubble.offsetWidth - margin);
      const below = link.bottom + 4;
      const above = link.top - bubble.offsetHeight - 4;
      const fits = below + bubble.offsetHeight <= innerHeight - margin || above < margin;
      bubble.style.left = `${Math.max(margin, left)}px`;
      bubble.style.top = `${fits ? below : above}px`;
      bubble.style.maxHeight = `${Math.max(120, (fits ? innerHeight - below : link.top) - margin)}px`;
    };

    // MathJax makes each formula a stop of the Tab key; in a link or a tooltip that is one too many.
    const skipFormulas = (box) => {
      for (const formula of box.querySelectorAll("mjx-container")) formula.tabIndex = -1;
    };

    const typeset = async () => {
      if (!window.MathJax || !MathJax.startup || !MathJax.startup.promise) return;
      const shown = owner;
      await MathJax.startup.promise;
      if (owner !== shown) return;
      await MathJax.typesetPromise([bubble]);
      skipFormulas(bubble);
      place();
    };

    const hide = () => {
      clearTimeout(timer);
      if (owner === null) return;
      owner.removeAttribute("aria-describedby");
      owner = null;
      bubble.hidden = true;
    };

    const show = (link) => {
      clearTimeout(timer);
      if (owner === link) return;
      hide();
      owner = link;
      if (window.MathJax && MathJax.typesetClear) MathJax.typesetClear([bubble]);
      bubble.replaceChildren(templates.get(link.getAttribute("href")).content.cloneNode(true));
      bubble.style.maxHeight = "";
      bubble.hidden = false;
      bubble.scrollTop = 0;
      link.setAttribute("aria-describedby", bubble.id);
      place();
      typeset();
    };

    const soon = (act) => {
      clearTimeout(timer);
      timer = setTimeout(act, PATIENCE);
    };

    if (window.MathJax && MathJax.startup && MathJax.startup.promise) {
      MathJax.startup.promise.then(() => links.forEach(skipFormulas));
    }
    for (const link of links) {
      let openAtTap = false;
      link.addEventListener("pointerenter", (event) => {
        if (event.pointerType === "mouse") soon(() => show(link));
      });
      link.addEventListener("pointerleave", (event) => {
        if (event.pointerType === "mouse") soon(hide);
      });
      link.addEventListener("pointerdown", () => {
        openAtTap = owner === link;
      });
      link.addEventListener("focus", () => show(link));
      link.addEventListener("blur", hide);
      // The first tap explains, the second follows the link.
      link.addEventListener("click", (event) => {
        if (event.pointerType === "touch" && !openAtTap) {
          event.preventDefault();
          show(link);
        }
      });
    }

    // The pointer may go over to the bubble, to read on or to scroll.
    bubble.addEventListener("pointerenter", () => clearTimeout(timer));
    bubble.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") soon(hide);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
    });
    document.addEventListener("pointerdown", (event) => {
      if (!bubble.contains(event.target) && !(owner && owner.contains(event.target))) hide();
    });
    addEventListener("scroll", place, { passive: true });
    addEventListener("resize", place);
  };

  document.addEventListener("DOMContentLoaded", start);
})();
