/** Charts of an audit: a share against its thresholds, and how far shortcuts get. */

/** A share in words: as many digits as small ones need. */
function shareText(share) {
  return percent(share, share !== 0 && Math.abs(share) < 0.0095 ? 2 : 1).replace(/\.?0+ %$/, " %");
}

function thresholdText({ yellow, red }) {
  const parts = [
    yellow === null ? null : `yellow ${yellow === 0 ? "any" : shareText(yellow)}`,
    red === null ? null : `red ${shareText(red)}`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** A share as a bar over the zones of its verdicts, each row on its own scale. */
function thresholdBar(finding) {
  const { share, yellow, red, severity } = finding;
  if (share === null) return null;
  // Shares don't go beyond 1, but the way to the best attainable score can.
  const limit = Math.max(
    share,
    Math.min(1, Math.max(1.08 * share, 1.5 * (red ?? 0), 2 * (yellow ?? 0), 0.001)),
  );
  const x = linear([0, limit], [1, 119]);
  const zone = (from, to, kind) =>
    to > from
      ? s("rect", {
          x: place(x(from)),
          y: 2,
          width: place(x(to) - x(from)),
          height: 12,
          class: `zone ${kind}`,
        })
      : null;
  const [toYellow, toRed] = [Math.min(yellow ?? limit, limit), Math.min(red ?? limit, limit)];
  return s(
    "svg",
    {
      class: "threshold-bar",
      viewBox: "0 0 120 16",
      width: 120,
      height: 16,
      role: "img",
      "aria-label": `${shareText(share)}; ${thresholdText(finding)}`,
    },
    zone(0, toYellow, "green"),
    zone(toYellow, toRed, "yellow"),
    red === null ? null : zone(toRed, limit, "red"),
    share > 0
      ? s("rect", {
          x: 1,
          y: 5.5,
          width: place(Math.max(1.5, x(share) - 1)),
          height: 5,
          class: `share ${severity}`,
        })
      : null,
    yellow === null || yellow > limit ? null : stroke(x(yellow), 0.5, x(yellow), 15.5, "threshold yellow"),
    red === null || red > limit ? null : stroke(x(red), 0.5, x(red), 15.5, "threshold red"),
  );
}

/** Scores of knowing nothing, as the audit takes them. */
const CHANCE = { roc_auc: 0.5, spearmanr: 0 };

/** From a score to the way from chance to perfect; null where that is not known. */
function wayOf(dataset, metric) {
  if (!(metric in CHANCE)) return null;
  return linear([CHANCE[metric], dataset.ceiling[metric] ?? 1], [0, 1]);
}

/** The best shown model by the metric that a control is judged by; models that should know nothing only where there is no other. */
function bestBy(dataset, metric) {
  if (!report.tasks[dataset.task].metrics.includes(metric)) return null;
  const rows = chosenRows(dataset, metric).filter(
    (row) => row.choice.test.value !== null && isShown(dataset, row.model),
  );
  return rows.find((row) => !row.control) ?? rows[0] ?? null;
}

/** Controls of an audit, each with its finding, and the best model where both are of the same data. */
function controlRows(dataset, audit) {
  const rows = audit.controls.map((control) => {
    const finding = audit.findings.find(({ check }) => check === control.control) ?? null;
    const way = audit.is_current ? wayOf(dataset, control.judged) : null;
    const ends = way && control.low !== null ? [way(control.low), way(control.high)] : null;
    return { ...control, finding, ends };
  });
  const judged = rows.find((row) => row.way !== null)?.judged ?? null;
  const best = audit.is_current && judged ? bestBy(dataset, judged) : null;
  const way = best && wayOf(dataset, judged);
  return { rows, best: way ? { ...best, way: way(best.choice.test.value) } : null };
}

/** A dot a control between chance and perfect, with the best model for comparison. */
function controlChart(width, dataset, audit) {
  const { rows, best } = controlRows(dataset, audit);
  const widest = Math.max(...rows.map((row) => textWidth(row.control, 11)));
  const left = Math.min(Math.ceil(widest) + 12, Math.floor(width * 0.45));
  const [top, each] = [best ? 26 : 8, 24];
  const bottom = top + rows.length * each;
  const drawing = chart(width, bottom + 38);
  const known = rows.flatMap((row) => [row.way, ...(row.ends ?? [])]).concat(best?.way ?? 0);
  const range = [Math.min(0, ...known.filter((way) => way !== null)), Math.max(1, ...known)];
  const x = linear(range, [left + 10, width - 26]);
  for (const [way, text] of [
    [0, "chance"],
    [0.25, "25 %"],
    [0.5, "50 %"],
    [0.75, "75 %"],
    [1, "perfect"],
  ]) {
    const room = width - left < 260 && way % 0.5 ? null : text;
    drawing.append(stroke(x(way), top - 2, x(way), bottom, way === 0 ? "zero" : "grid"));
    if (room) drawing.append(words(room, x(way), bottom + 15, { anchor: "middle", kind: "tick" }));
  }
  drawing.append(
    words("way from chance to perfect", (left + width) / 2, bottom + 32, { anchor: "middle", kind: "tick" }),
  );
  if (best) drawing.append(bestLine(best, x, [top - 4, bottom], [left, width]));
  const spots = rows.map((row, index) => {
    const y = top + (index + 0.5) * each;
    drawing.append(
      words(shortened(row.control, left - 12), left - 6, y + 4, { anchor: "end" }),
      ...controlMarks(row, x, y),
    );
    return { x: x(row.way ?? 0), y, tell: () => controlLines(row, best) };
  });
  return walkable(drawing, spots);
}

function controlMarks(row, x, y) {
  if (row.way === null) return [words("not applicable", x(0) + 6, y + 4, { kind: "tick" })];
  const { yellow = null, red = null, severity = "green" } = row.finding ?? {};
  return [
    yellow === null ? null : stroke(x(yellow), y - 7, x(yellow), y + 7, "threshold yellow"),
    red === null ? null : stroke(x(red), y - 7, x(red), y + 7, "threshold red"),
    row.ends ? stroke(x(row.ends[0]), y, x(row.ends[1]), y, "whisker plain") : null,
    s("circle", {
      cx: place(x(row.way)),
      cy: place(y),
      r: 5,
      class: `verdict-dot ${severity}${row.certain ? "" : " hollow"}`,
    }),
  ].filter(Boolean);
}

function bestLine(best, x, [top, bottom], [left, right]) {
  const at = x(best.way);
  const text = shortened(`${best.model} ${score(best.choice.test.value)}`, right - left - 20, 11, 600);
  const half = textWidth(text, 11, 600) / 2;
  const middle = Math.min(Math.max(at, left + half), right - half - 4);
  return s(
    "g",
    { vars: look(best.model) },
    stroke(at, top, at, bottom, "best-line"),
    words(text, middle, top - 5, { anchor: "middle", kind: "strong" }),
  );
}

function controlLines(row, best) {
  const { judged, value, low, high, way, reason, finding } = row;
  return [
    row.control,
    { label: "given only", value: row.knows },
    ...(way === null ? [`Not applicable: ${reason ?? `${judged} is undefined on test`}`] : []),
    ...(value === null ? [] : [{ label: judged, value: score(value) }]),
    ...(value === null || low === null ? [] : [{ label: "95 % interval", value: interval(low, high) }]),
    ...(way === null ? [] : [{ label: "of the way", value: percent(way) }]),
    ...(way === null || row.certain ? [] : ["Can't be told from chance"]),
    ...(way === null || !finding ? [] : [{ label: "verdict", value: finding.severity }]),
    ...(best && way !== null
      ? [
          {
            label: best.model,
            value: `${score(best.choice.test.value)}, ${percent(best.way)}`,
            model: best.model,
          },
        ]
      : []),
  ];
}

function controlTable(dataset, audit) {
  const { rows, best } = controlRows(dataset, audit);
  return {
    columns: ["control", "knows", "metric", "value", "low", "high", "way", "certain", "verdict", "reason"],
    rows: [
      ...rows.map((row) => [
        row.control,
        row.knows,
        row.judged,
        row.value,
        row.low,
        row.high,
        row.way,
        row.certain ? "yes" : "no",
        row.finding?.severity ?? null,
        row.reason,
      ]),
      ...(best
        ? [
            [
              best.model,
              "best model",
              best.metric,
              best.choice.test.value,
              best.choice.test.low,
              best.choice.test.high,
              best.way,
              null,
              null,
              null,
            ],
          ]
        : []),
    ],
  };
}
