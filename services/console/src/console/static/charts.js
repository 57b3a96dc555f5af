// Draws each figure's chart from the figure's own table, in the colours of the page.
(() => {
  const ink = (name) => {
    const probe = document.createElement("i");
    probe.className = `ink-${name}`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const read = (figure) => {
    const heads = [...figure.querySelectorAll("thead th")].map((one) => one.textContent);
    const rows = [...figure.querySelectorAll("tbody tr")].map((row) => ({
      words: row.cells[0].textContent.trim(),
      link: row.querySelector("a")?.href,
      numbers: [...row.querySelectorAll("[data-v]")].map((cell) => Number(cell.dataset.v)),
      texts: [...row.querySelectorAll("[data-v]")].map((cell) => cell.textContent),
    }));
    const flows = [...figure.querySelectorAll("td[data-to]")].filter((cell) => cell.querySelector("a")).map((cell) => ({
      from: cell.closest("tr").cells[0].textContent.trim(), to: cell.dataset.to, value: Number(cell.dataset.v),
      text: cell.textContent.trim(), link: cell.querySelector("a").href,
    }));
    return { heads, rows, flows };
  };
  const options = (kind, { heads, rows, flows }) => {
    const text = ink("text"), line = ink("line"), muted = ink("muted");
    const axis = { axisLabel: { color: muted }, axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } } };
    const base = {
      animation: false,
      color: [ink("1"), ink("2"), ink("3")],
      textStyle: { color: text, fontFamily: getComputedStyle(document.body).fontFamily },
      tooltip: { trigger: "axis", renderMode: "richText", backgroundColor: ink("surface"), borderColor: line, textStyle: { color: text },
        formatter: (at) => [rows[at[0].dataIndex].words, ...heads.slice(1).map((head, n) => `${head}: ${rows[at[0].dataIndex].texts[n]}`)].join("\n") },
      grid: { left: 8, right: 8, top: 36, bottom: 8, containLabel: true },
      legend: { top: 0, left: 0, textStyle: { color: text }, data: heads.slice(1) },
    };
    const category = { type: "category", data: rows.map((row) => row.words), ...axis, splitLine: { show: false } };
    if (kind === "weeks") {
      return { ...base, xAxis: category, yAxis: [{ type: "value", ...axis }, { type: "value", ...axis, splitLine: { show: false }, minInterval: 1 }],
        series: [
          { name: heads[1], type: "bar", barMaxWidth: 28, itemStyle: { borderRadius: [3, 3, 0, 0] }, data: rows.map((row) => row.numbers[0]) },
          { name: heads[2], type: "line", yAxisIndex: 1, symbol: "circle", symbolSize: 7, data: rows.map((row) => row.numbers[1]) },
          { name: heads[3], type: "line", yAxisIndex: 1, symbol: "diamond", symbolSize: 9, lineStyle: { type: "dashed" }, data: rows.map((row) => row.numbers[2]) },
        ] };
    }
    if (kind === "flow") {
      const start = (name) => `${name} `, end = (name) => ` ${name}`;
      const links = flows.map(({ from, to, value }) => ({ source: start(from), target: end(to), value }));
      const places = heads.slice(1), room = Math.min(190, 24 + 7 * Math.max(...places.map((name) => name.length)));
      const colours = new Map(places.map((name, n) => [name, ink(String(n % 6 + 1))]));
      const nodes = [...new Set(links.flatMap((one) => [one.source, one.target]))].map((name) => ({ name, itemStyle: { color: colours.get(name.trim()) } }));
      return { ...base, legend: { show: false }, tooltip: { ...base.tooltip, trigger: "item",
          formatter: (at) => at.dataType === "edge" ? `${at.data.source.trim()} → ${at.data.target.trim()}: ${flows[at.dataIndex].text}` : at.name.trim() },
        series: [{ type: "sankey", left: 8, right: room, top: 8, bottom: 8, nodeGap: 14, draggable: false, layoutIterations: 0, data: nodes, links,
          label: { color: text, width: room - 12, overflow: "truncate", formatter: (at) => at.name.trim() }, lineStyle: { color: "source", opacity: 0.35 } }] };
    }
    if (kind === "pairs") {
      return { ...base, xAxis: category, yAxis: { type: "value", ...axis, minInterval: 1 },
        series: heads.slice(1).map((name, n) => ({ name, type: "bar", barMaxWidth: 28, itemStyle: { borderRadius: [3, 3, 0, 0] }, data: rows.map((row) => row.numbers[n]) })) };
    }
    return { ...base, legend: { show: false }, grid: { ...base.grid, top: 20 }, xAxis: category, yAxis: { type: "value", ...axis, max: kind === "percent" ? 100 : null, minInterval: 1 },
      series: [{ name: heads[1], type: "bar", barMaxWidth: 56, itemStyle: { borderRadius: [3, 3, 0, 0] }, data: rows.map((row) => row.numbers[0]),
        label: { show: true, position: "top", color: text, formatter: (at) => { const said = rows[at.dataIndex].texts[0]; return /\d/.test(said) ? said.split(" (")[0] : "–"; } } }] };
  };
  const draw = () => {
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      const box = figure.querySelector(".canvas"), table = read(figure);
      const chart = echarts.getInstanceByDom(box) ?? echarts.init(box, null, { renderer: "svg" });
      chart.setOption(options(figure.dataset.chart, table), true);
      chart.off("click");
      chart.on("click", (at) => {
        const link = figure.dataset.chart === "flow" ? at.dataType === "edge" && table.flows[at.dataIndex].link : table.rows[at.dataIndex].link;
        if (link) location.assign(link);
      });
    }
  };
  const resize = () => document.querySelectorAll("figure[data-chart] .canvas").forEach((box) => echarts.getInstanceByDom(box)?.resize());
  draw();
  addEventListener("resize", resize);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.body.addEventListener("htmx:after:swap", draw);
})();
