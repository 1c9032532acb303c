/** What searches over settings tried: parallel coordinates and a table for each. */

function trialsSection() {
  const found = report.studies.filter((study) => !state.off.has(study.model));
  if (!found.length) return null;
  return section(
    "trials",
    "Searches",
    note(
      "Settings that were tried, each judged on eval. The chosen ones were then trained and scored on test; pruned trials were given up, " +
        "as earlier ones did better at the same point.",
    ),
    found.map((study, number) => [
      figureBlock({
        name: `trials-${number + 1}`,
        title: `${study.model} on ${study.dataset}, ${WAY_NAMES[study.way]}`,
        note: `${counted(study.trials.length, "trial")} by ${study.method}, an axis a setting, at the right ${study.metric} on eval. Thick: chosen. Dashed: pruned.`,
        panels: [
          {
            label: `Trials of ${study.model} on ${study.dataset}: ${study.keys.join(", ")}, and ${study.metric} on eval`,
            draw: (width) => trialChart(study, width),
            height: 240,
          },
        ],
        table: () => ({
          columns: ["trial", ...study.keys, study.metric, "state", "steps", "seconds"],
          rows: study.trials.map((trial) => [
            trial.number,
            ...study.keys.map((key) => trial.values[key] ?? null),
            trial.score,
            trial.state,
            trial.steps,
            trial.seconds,
          ]),
        }),
      }),
      foldable(`trials-${number + 1}`, `All ${counted(study.trials.length, "trial")}`, false, () => trialTable(study, number)),
    ]),
  );
}

function trialTable(study, number) {
  const columns = [
    { key: "trial", label: "trial", number: true, kind: "entry", value: (trial) => trial.number },
    ...study.keys.map((key) => ({
      key: slug(key),
      label: key,
      number: study.trials.every((trial) => typeof trial.values[key] === "number"),
      value: (trial) => trial.values[key] ?? null,
      cell: (trial) => settingText(trial.values[key]),
    })),
    { key: "score", label: study.metric, number: true, kind: "score", value: (trial) => trial.score, cell: (trial) => score(trial.score) },
    {
      key: "state",
      label: "state",
      value: (trial) => trial.state,
      cell: (trial) => (trial.number === study.chosen ? "chosen" : (trial.error ?? trial.state)),
    },
    { key: "seconds", label: "seconds", number: true, value: (trial) => trial.seconds, cell: (trial) => score(trial.seconds) },
  ];
  return dataTable({ id: `trials-${number + 1}`, caption: `Trials of ${study.model} on ${study.dataset}`, columns, rows: study.trials });
}

function settingText(value) {
  if (value === null || value === undefined) return "null";
  return typeof value === "number" ? String(Number(value.toPrecision(3))) : String(value);
}

/** An axis from the values on it: numbers on a scale, all else side by side. */
function trialAxis(values, [bottom, top], better = 1) {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length === values.length && new Set(numbers).size > 1) {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const isLog = low > 0 && high / low >= 20;
    const ends = better > 0 ? [bottom, top] : [top, bottom];
    const at = (isLog ? logarithmic : linear)([low, high], ends);
    const powers = Array.from({ length: 30 }, (_, index) => 10 ** (index - 15)).filter((power) => power >= low && power <= high);
    const shown = isLog ? (powers.length > 1 ? powers : [low, high]) : ticks(low, high, 4);
    const texts = isLog ? shown.map(settingText) : tickText(shown);
    return { at, marks: shown.map((value, index) => [at(value), texts[index]]) };
  }
  const names = [...new Set(values.map(settingText))].sort();
  const place = (name) => bottom + ((names.indexOf(name) + 1) * (top - bottom)) / (names.length + 1);
  return { at: (value) => place(settingText(value)), marks: names.map((name) => [place(name), name]) };
}

function trialChart(study, width) {
  const height = 240;
  const known = study.trials.filter((trial) => trial.score !== null);
  const drawing = chart(width, height);
  const span = [height - 14, 34];
  const columns = [
    ...study.keys.map((key) => ({ name: key, ...trialAxis(known.map((trial) => trial.values[key] ?? null), span) })),
    { name: study.metric, ...trialAxis(known.map((trial) => trial.score), span, study.higher_is_better ? 1 : -1) },
  ];
  const margin = Math.min(60, width / 6);
  const step = (width - 2 * margin) / Math.max(1, columns.length - 1);
  const across = (index) => margin + index * step;
  const sign = study.higher_is_better ? 1 : -1;
  const goodness = (trial) => (trial.number === study.chosen ? Infinity : trial.state === "done" ? sign * trial.score : -Infinity);
  const spots = [];
  for (const trial of [...known].sort((a, b) => goodness(a) - goodness(b))) {
    const values = [...study.keys.map((key) => trial.values[key] ?? null), trial.score];
    const points = values.map((value, index) => [across(index), columns[index].at(value)]);
    const kind = trial.number === study.chosen ? "trial best" : trial.state === "done" ? "trial" : "trial pruned";
    drawing.append(path(points, kind));
    const [x, y] = points.at(-1);
    spots.push({ x, y, tell: () => trialLines(study, trial) });
  }
  columns.forEach(({ name, marks }, index) => {
    const x = across(index);
    const room = Math.max(24, Math.min(step, 2 * margin) - 6);
    drawing.append(stroke(x, span[0] + 4, x, span[1] - 4, "axis"));
    drawing.append(words(shortened(name, room), x, 16, { anchor: "middle", kind: "tick" }));
    for (const [y, text] of marks) {
      const isLast = index === columns.length - 1;
      const short = shortened(text, Math.max(20, Math.min(step - 12, margin - 8)));
      drawing.append(words(short, isLast ? x + 6 : x - 6, y + 4, { anchor: isLast ? "start" : "end", kind: "tick over" }));
    }
  });
  return walkable(drawing, spots);
}

function trialLines(study, trial) {
  return [
    `Trial ${trial.number}${trial.number === study.chosen ? ", chosen" : trial.state === "done" ? "" : `, ${trial.state}`}`,
    ...study.keys.map((key) => ({ label: key, value: settingText(trial.values[key]) })),
    { label: study.metric, value: score(trial.score) },
  ];
}
