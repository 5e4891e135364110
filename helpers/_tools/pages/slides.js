const [WIDTH, HEIGHT] = [1200, 655];

const height = element => element.getBoundingClientRect().height;

/** Make a cell smaller that is wider than its slide, or higher than what is left of it. */
function shrink(cell, room) {
  const parts = [cell, ...cell.querySelectorAll("pre, table")];
  const isWide = by => parts.some(each => each.scrollWidth > by * each.clientWidth + 4);
  if (isWide(1.3)) cell.classList.add("wrapped");
  for (let zoom = 1; zoom > 0.4 && (isWide(1) || height(cell) > room); zoom -= 0.02)
    cell.style.zoom = zoom;
}

/** Cut a listing that is too long for a slide at the blank line nearest to its middle. */
function halve(block) {
  const text = block.textContent, gaps = [...text.matchAll(/\n\n/g)].map(gap => gap.index + 2);
  if (text.split("\n").length <= 36 || !gaps.length) return;
  const off = at => Math.abs(at - text.length / 2);
  let at = gaps.reduce((one, other) => (off(other) < off(one) ? other : one));
  const texts = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  while (texts.nextNode() && at > texts.currentNode.length) at -= texts.currentNode.length;
  const rest = document.createRange(), other = block.cloneNode(false);
  rest.setStart(texts.currentNode, at);
  rest.setEnd(block, block.childNodes.length);
  other.append(rest.extractContents());
  block.after(other);
}

/** Make a cell of each block of a text, of the code and of each output. */
function split(cell) {
  cell.querySelectorAll(".jp-RenderedMarkdown > .highlight").forEach(halve);
  const parts = cell.querySelectorAll(
    ".jp-RenderedMarkdown > *, .jp-InputArea-editor, .jp-OutputArea-child");
  const cells = [...parts].map(part => {
    const one = cell.cloneNode(false);
    const around = part.closest(".jp-RenderedMarkdown")?.cloneNode(false);
    if (around) around.append(part);
    one.append(around ?? part);
    return one;
  });
  if (cells.length) cell.replaceWith(...cells);
}

// A few words alone introduce what follows them.
const isHeading = cell => cell.querySelector("h1, h2, h3")
  || (cell.querySelector(".jp-RenderedMarkdown > p") && cell.textContent.trim().length < 30);

/** What does not fit goes on to another slide; a heading goes with what follows it. */
function pack(section) {
  const cells = [...section.querySelectorAll(":scope > .jp-Cell")];
  if (!cells.length) return;
  cells.forEach(cell => shrink(cell, HEIGHT));
  const top = cells[0].getBoundingClientRect().top;
  const below = cell => cell.getBoundingClientRect().top - top;
  const text = cells.findIndex(cell => !isHeading(cell));  // what stands below the headings
  if (text >= 0) shrink(cells[text], Math.max(HEIGHT - below(cells[text]), HEIGHT / 2));
  let first = cells.findIndex((cell, n) => text >= 0 && n > text
    && (below(cell) + height(cell) > HEIGHT || cell.querySelector(".figure, h2, h3")));
  if (first < 0) return;
  while (isHeading(cells[first - 1])) first -= 1;
  const next = document.createElement("section");
  for (let each = cells[first], after; each; each = after) {
    after = each.nextSibling;
    next.append(each);
  }
  section.after(next);
  pack(next);
}

document.body.classList.add("measured");
draw(WIDTH, HEIGHT, 1.8);
for (const stack of document.querySelectorAll(".slides > section")) {
  stack.querySelectorAll(":scope > section > .jp-Cell").forEach(split);
  for (const section of [...stack.children]) pack(section);
  let title = "";
  for (const section of stack.children) {
    const heading = section.querySelector("h2");
    title = heading?.textContent ?? title;
    if (heading || !title) continue;
    const part = section.appendChild(document.createElement("p"));
    part.className = "part";
    part.textContent = title;
  }
}
document.body.classList.remove("measured");
Reveal.initialize({
  width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
  transition: "none", plugins: [RevealNotes],
});
