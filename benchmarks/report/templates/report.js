"use strict";
// Adds to a page that is whole without it: figures can be copied with their source, tables sorted, marks asked.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const SVG = "http://www.w3.org/2000/svg";
  const source = [".source", "footer"].map((name) => document.querySelector(name)?.textContent.trim()).filter(Boolean).join(" ");
  const question = document.querySelector("h1").textContent.trim();

  const wrapped = (text, most) => {
    const lines = [""];
    for (const word of text.split(/\s+/)) {
      const last = lines.length - 1;
      if (lines[last] && lines[last].length + word.length >= most) lines.push(word);
      else lines[last] += (lines[last] && " ") + word;
    }
    return lines;
  };

  // The drawing that is shown, with its colours and fonts, its title above it and its source below.
  const standalone = (figure) => {
    const shown = all("svg.chart", figure).find((svg) => svg.getClientRects().length);
    const copy = shown.cloneNode(true);
    const [, , width, height] = shown.getAttribute("viewBox").split(/\s+/).map(Number);
    const size = Number(shown.getAttribute("font-size"));
    const page = getComputedStyle(document.body);
    const copies = all("*", copy);
    all("*", shown).forEach((element, number) => {
      const style = getComputedStyle(element);
      for (const name of ["fill", "stroke"]) {
        if (element.getAttribute("class")?.includes(`${name}-`)) copies[number].setAttribute(name, style[name]);
      }
      for (const name of ["class", "tabindex", "role", "aria-label"]) copies[number].removeAttribute(name);
    });
    all("title", copy).slice(1).forEach((title) => title.remove());
    const title = wrapped(`${question} ${figure.querySelector(".title").textContent}`, width / size / 0.56);
    const below = wrapped(source, width / size / 0.43);
    const above = (title.length + 0.6) * size * 1.3;
    const whole = above + height + (below.length + 0.8) * size;
    const root = document.createElementNS(SVG, "svg");
    const set = (element, attributes) => Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    set(root, { viewBox: `0 0 ${width} ${whole}`, width, height: whole, "font-family": page.fontFamily, role: "img" });
    const paper = document.createElementNS(SVG, "rect");
    set(paper, { width, height: whole, fill: page.backgroundColor });
    root.append(paper);
    const write = (text, y, attributes) => {
      const line = document.createElementNS(SVG, "text");
      set(line, { x: 2, y, fill: page.color, "font-size": size, ...attributes });
      line.textContent = text;
      root.append(line);
    };
    title.forEach((text, number) => write(text, (number + 1) * size * 1.3, { "font-weight": "bold" }));
    below.forEach((text, number) => write(text, above + height + (number + 1) * size, { "font-size": size * 0.75 }));
    set(copy, { y: above, width, height });
    root.append(copy);
    return { text: new XMLSerializer().serializeToString(root), width, height: whole };
  };

  const copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { value: text, className: "unseen" });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };

  const picture = async (figure) => {
    const { text, width, height } = standalone(figure);
    const image = make("img", { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}` });
    await image.decode();
    const canvas = make("canvas", { width: 2 * width, height: 2 * height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  };

  const ways = {
    SVG: async (figure) => copyText(standalone(figure).text),
    PNG: async (figure) => {
      const canvas = await picture(figure);
      try {
        const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
        await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
      } catch {
        make("a", { href: canvas.toDataURL("image/png"), download: "figure.png" }).click();
        return "saved";
      }
    },
    Markdown: async (figure) => {
      const told = figure.querySelector("svg.chart desc").textContent;
      await copyText(`**${question} ${figure.querySelector(".title").textContent}**\n\n${told}\n\n*${source}*\n`);
    },
  };

  for (const figure of all("figure")) {
    const tools = make("span", { className: "tools" });
    const said = make("span", { className: "said" });
    said.setAttribute("role", "status");
    const name = figure.querySelector(".title").textContent;
    tools.append("Copy: ");
    for (const [form, way] of Object.entries(ways)) {
      const button = make("button", { type: "button", textContent: form });
      button.setAttribute("aria-label", `Copy as ${form}: ${name}`);
      button.addEventListener("click", async () => {
        said.textContent = (await way(figure)) ?? "copied";
        setTimeout(() => (said.textContent = ""), 2000);
      });
      tools.append(button, " ");
    }
    tools.append(said);
    figure.append(tools);

    // What a mark stands for, where a pointer or the focus is.
    const marks = all(".mark, .trials", figure);
    if (!marks.length) continue;
    const told = make("div", { className: "told", hidden: true });
    figure.append(told);
    const show = (mark) => {
      const svg = mark.ownerSVGElement;
      all(".trials", svg).forEach((each) => each.classList.toggle("lit", each.dataset.row === mark.dataset.row));
      told.textContent = mark.dataset.told;
      told.hidden = false;
      const [at, around] = [mark.getBoundingClientRect(), figure.getBoundingClientRect()];
      told.style.top = `${at.bottom - around.top + 6}px`;
      told.style.left = `${Math.max(0, Math.min(at.left - around.left, around.width - told.offsetWidth))}px`;
    };
    const hide = () => {
      told.hidden = true;
      all(".lit", figure).forEach((each) => each.classList.remove("lit"));
    };
    for (const mark of marks) {
      const title = mark.querySelector("title");
      mark.dataset.told = title.textContent;
      title.remove();
      mark.addEventListener("pointerenter", () => show(mark));
      mark.addEventListener("pointerleave", hide);
      if (mark.classList.contains("trials")) continue;
      // An image has no parts that can have the focus; a group has.
      mark.ownerSVGElement.setAttribute("role", "group");
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", mark.dataset.told);
      mark.setAttribute("tabindex", "0");
      mark.addEventListener("focus", () => show(mark));
      mark.addEventListener("blur", hide);
      mark.addEventListener("keydown", (event) => event.key === "Escape" && hide());
    }
  }

  // Columns in the order of the cells: those of a group stand in the second row of headings.
  const columns = (table) => {
    const [first, second] = table.tHead.rows;
    const grouped = second ? [...second.cells] : [];
    return [...first.cells].flatMap((cell) => (cell.scope === "colgroup" ? grouped.splice(0, cell.colSpan) : [cell]));
  };
  const value = (row, column) => {
    const text = row.cells[column].textContent.trim();
    const number = /^[<~±]?\s*-?\d/.test(text) ? parseFloat(text.replace(/[,<~±\s]/g, (sign) => (sign === " " ? " " : ""))) : NaN;
    return { text, number, absent: text === "–" || text === "" };
  };
  const compare = (one, other) =>
    Number.isNaN(one.number) || Number.isNaN(other.number)
      ? one.text.localeCompare(other.text)
      : one.number - other.number;

  for (const table of all("table.numbers")) {
    if (all("tbody tr:not(.group)", table).length < 2) continue;
    const headings = columns(table);
    headings.forEach((heading, column) => {
      const button = make("button", { type: "button", className: "sort" });
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.ariaSort === "ascending";
        headings.forEach((each) => each.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        for (const body of table.tBodies) {
          const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
          const keyed = rows.map((row) => [value(row, column), row]);
          keyed.sort(([a], [b]) => a.absent - b.absent || (down ? compare(b, a) : compare(a, b)));
          body.append(...keyed.map(([, row]) => row));
        }
      });
    });
  }

  // A link into what is folded unfolds it.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();
})();
