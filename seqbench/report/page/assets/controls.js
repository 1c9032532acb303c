/** What the reader can choose: metric, head, group, words, models, and light or dark. */

function labelled(id, text, control) {
  return h("div", { class: "choice" }, h("label", { for: id }, text), control);
}

/** @param {Array<[string, string]>} options  values and words */
function choice(id, label, options, chosen, choose) {
  const select = h(
    "select",
    { id, "data-focus": id, on: { change: (event) => choose(event.target.value) } },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
  return labelled(id, label, select);
}

function metricChoices() {
  const tasks = Object.entries(report.tasks);
  return tasks.map(([task, { metrics, primary }]) => {
    const ranking = report.datasets.find((dataset) => dataset.task === task)?.metric ?? primary;
    const choose = (metric) => {
      const chosen = { ...state.metrics };
      if (metric === ranking) delete chosen[task];
      else chosen[task] = metric;
      change({ metrics: chosen });
    };
    return choice(
      `metric-${task}`,
      tasks.length > 1 ? `metric, ${task}` : "metric",
      metrics.map((metric) => [metric, metric]),
      state.metrics[task] ?? ranking,
      choose,
    );
  });
}

/** A button a model, in its look: pressed while it is shown. */
function modelChips() {
  const toggle = (name) => {
    const off = new Set(state.off);
    if (!off.delete(name)) off.add(name);
    change({ off });
  };
  return h(
    "div",
    { class: "chips", role: "group", "aria-label": "Models" },
    report.models.map(({ name }) =>
      h(
        "button",
        {
          type: "button",
          class: "chip",
          "aria-pressed": String(!state.off.has(name)),
          "data-focus": `chip-${name}`,
          on: { click: () => toggle(name) },
          title: name === middleCut(name) ? null : name,
          "aria-label": name === middleCut(name) ? null : name,
        },
        swatch(name),
        h("span", {}, middleCut(name)),
      ),
    ),
  );
}

function isNarrowed() {
  return Boolean(
    state.head ||
    state.group ||
    state.query ||
    state.show ||
    state.items ||
    state.off.size ||
    Object.keys(state.metrics).length ||
    Object.keys(state.sorts).length,
  );
}

function controlsContent() {
  const reset = () =>
    change({ head: "", group: "", query: "", show: "", items: "", off: new Set(), metrics: {}, sorts: {} });
  const filter = h("input", {
    id: "filter",
    type: "search",
    value: state.query,
    placeholder: "data set, group, model",
    autocomplete: "off",
    spellcheck: "false",
    "data-focus": "filter",
    on: { input: (event) => change({ query: event.target.value }) },
  });
  return [
    h(
      "div",
      { class: "choices" },
      metricChoices(),
      report.heads.length > 1
        ? choice(
            "head",
            "head",
            [["", "best on eval"], ...report.heads.map((head) => [head, head])],
            state.head,
            (head) => change({ head }),
          )
        : null,
      groups.length > 1
        ? choice(
            "group",
            "group",
            [["", "all"], ...groups.map((group) => [group, group])],
            state.group,
            (group) => change({ group }),
          )
        : null,
      report.datasets.length > 1 ? labelled("filter", "filter", filter) : null,
      h(
        "button",
        {
          type: "button",
          class: "reset",
          disabled: !isNarrowed(),
          "data-focus": "reset",
          on: { click: reset },
        },
        "Reset",
      ),
    ),
    report.models.length > 1 ? modelChips() : null,
  ];
}

const THEME = "seqbench-theme";

/** The reader's choice from an earlier visit; pages opened from a file may have no memory. */
function rememberedTheme() {
  try {
    return localStorage.getItem(THEME);
  } catch {
    return null;
  }
}

function isDark() {
  return (
    (document.documentElement.dataset.theme ??
      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark"
  );
}

function themeButton() {
  const button = h("button", {
    type: "button",
    class: "theme",
    on: {
      click: () => {
        const theme = isDark() ? "light" : "dark";
        document.documentElement.dataset.theme = theme;
        label();
        try {
          localStorage.setItem(THEME, theme);
        } catch {
          // The page then follows the system at the next visit.
        }
      },
    },
  });
  const label = () => button.replaceChildren(isDark() ? "Light" : "Dark");
  label();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  return button;
}
