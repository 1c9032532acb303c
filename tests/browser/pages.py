"""What tests of the page look at, in the page's own terms."""

OVERLAPS = """() => {
  const found = [];
  for (const chart of document.querySelectorAll("svg.chart")) {
    const frame = chart.getBoundingClientRect();
    if (!frame.width) continue;
    const boxed = (text) => [text.textContent, text.getBoundingClientRect()];
    const texts = [...chart.querySelectorAll("text")].map(boxed);
    texts.forEach(([one, a], index) => {
      const past = [frame.left - a.left, a.right - frame.right, frame.top - a.top, a.bottom - frame.bottom];
      if (Math.max(...past) > 1)
        found.push(`${one} leaves its chart`);
      for (const [other, b] of texts.slice(index + 1)) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && tall > 3) found.push(`${one} and ${other}`);
      }
    });
  }
  return found;
}"""
"""Texts of charts that meet or are cut off. Boxes of lines are taller than letters: 3 pixels are allowed."""

FAINT = """() => {
  const linear = (share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const rect = at.matches("g.cell") ? at.querySelector("rect") : null;
      const color = rect ? getComputedStyle(rect).fill : getComputedStyle(at).backgroundColor;
      if (color === "none") continue;
      const [r, g, b, a = 1] = numbers(color);
      if (a > 0.99) return [r, g, b];
    }
    return numbers(getComputedStyle(document.body).backgroundColor);
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, noscript, desc, :disabled")) continue;
    if (!element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const color = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(numbers(color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add(`${node.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return [...found];
}"""
"""Texts that stand out less than WCAG 2.2 AA asks for (4.5 to 1)."""


DRAWN = """() => [...document.querySelectorAll(".plot:not(:has(svg))")].every((plot) => {
  const box = plot.getBoundingClientRect();
  return !box.width || box.bottom < 0 || box.top > innerHeight;
})"""
"""Whether all charts on the screen are there."""


def sideways(page):
    """Pixels by which the page, or a table in it, is wider than its place."""
    return page.evaluate(
        "() => Math.max(document.documentElement.scrollWidth - innerWidth,"
        " ...[...document.querySelectorAll('.table-box')].map((box) => box.scrollWidth - box.clientWidth))"
    )


def draw_everything(page):
    """Open and draw all that waits for the reader, as for a printer."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function("!document.querySelector('.plot:not(:has(svg))')")


def column(page, table, label):
    """Text of a column's cells, from the top."""
    cells = page.locator(f"#table-{table} tbody tr > [data-label='{label}']")
    return [text.strip() for text in cells.all_inner_texts()]


def download(page, name, kind):
    """Press a figure's button and return what it saves, as text."""
    with page.expect_download() as caught:
        page.get_by_role("button", name=f"Download {name} as {kind}", exact=True).first.click()
    return caught.value.path().read_text(encoding="utf-8")
