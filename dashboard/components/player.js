// Plays one cycle: the battery on the left, its voltage, current and temperature on the right.
// `data` comes from player.py; the same `data.id` again keeps the place that has been reached.

const SVG = "http://www.w3.org/2000/svg";
const PANELS = [
    { key: "voltage", colour: "#1f86c8" },
    { key: "current", colour: "#009e73" },
    { key: "temperature", colour: "#d55e00" },
];
const COOL = [[0, [86, 180, 233]], [25, [0, 158, 115]], [35, [240, 200, 66]], [45, [230, 130, 0]], [60, [213, 60, 0]]];

function colourOf(temperature) {
    if (temperature === null) return "#8593a3";
    let before = COOL[0];
    for (const step of COOL) {
        if (temperature <= step[0]) {
            const share = step[0] === before[0] ? 0 : (temperature - before[0]) / (step[0] - before[0]);
            return `rgb(${before[1].map((part, i) => Math.round(part + (step[1][i] - part) * Math.max(0, share)))})`;
        }
        before = step;
    }
    return `rgb(${before[1]})`;
}

function element(name, attributes, parent, text) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.appendChild(node);
    return node;
}

function rangeOf(values, least) {
    const known = values.filter((value) => value !== null);
    let low = Math.min(...known), high = Math.max(...known);
    if (!known.length) [low, high] = [0, 1];
    if (high - low < least) { const middle = (low + high) / 2; low = middle - least / 2; high = middle + least / 2; }
    const margin = (high - low) * 0.08;
    return [low - margin, high + margin];
}

function ticksOf(low, high) {
    const rough = (high - low) / 3, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
    const ticks = [];
    for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(Math.abs(tick) < step / 1000 ? 0 : tick);
    return [ticks, Math.max(0, -Math.floor(Math.log10(step)))];
}

class Player {
    constructor(root) {
        this.root = root;
        this.q = (name) => root.querySelector(`[data-part="${name}"]`);
        this.place = 0;
        this.playing = false;
        this.q("play").onclick = () => this.toggle();
        this.q("scrub").oninput = (event) => { this.playing = false; this.go(Number(event.target.value)); this.label(); };
        this.q("speed").onchange = (event) => { this.speed = Number(event.target.value); };
        this.observer = new ResizeObserver(() => this.draw());
        this.observer.observe(this.q("plots"));
    }

    show(data) {
        const again = this.data && this.data.id === data.id;
        this.data = data;
        this.number = (value, digits) => value === null ? "—"
            : new Intl.NumberFormat(data.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
        const speed = this.q("speed");
        if (speed.options.length !== data.speeds.length) {
            speed.replaceChildren(...data.speeds.map((factor) => new Option(`${factor} ×`, factor)));
        }
        if (!this.speed) this.speed = data.speed;
        speed.value = String(this.speed);
        speed.setAttribute("aria-label", data.texts.speed);
        this.q("scrub").setAttribute("aria-label", data.texts.scrub);
        for (const name of ["health", "level", "heat"]) this.q(`${name}-name`).textContent = data.texts[name];
        this.end = data.time.length ? data.time[data.time.length - 1] : 0;
        this.q("scrub").max = this.end;
        this.q("scrub").step = Math.max(1, Math.round(this.end / 1000));
        if (!again) {
            this.place = data.autoplay ? 0 : data.start || 0;
            this.playing = data.autoplay;
        }
        this.draw();
        this.label();
        if (this.playing) this.run();
    }

    label() {
        const button = this.q("play"), texts = this.data.texts;
        button.textContent = this.playing ? "❚❚" : "▶";
        button.setAttribute("aria-label", this.playing ? texts.pause : texts.play);
        button.title = this.playing ? texts.pause : texts.play;
    }

    toggle() {
        this.playing = !this.playing;
        if (this.playing && this.place >= this.end) this.place = 0;
        this.label();
        if (this.playing) this.run();
    }

    run() {
        if (this.frame) return;
        let last = null;
        const step = (now) => {
            this.frame = null;
            if (!this.playing || !this.root.isConnected) return;
            if (last !== null) this.go(Math.min(this.end, this.place + (now - last) / 1000 * this.speed));
            last = now;
            if (this.place >= this.end) { this.playing = false; this.label(); return; }
            this.frame = requestAnimationFrame(step);
        };
        this.frame = requestAnimationFrame(step);
    }

    draw() {
        const { data } = this, svg = this.q("plots");
        if (!data) return;
        const width = Math.max(240, svg.clientWidth), height = 348, left = 46, right = 12, gap = 22, top = 16;
        const tall = (height - top - 26 - 2 * gap) / 3;
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        svg.replaceChildren();
        this.x = (time) => left + (this.end ? time / this.end : 0) * (width - left - right);
        this.lines = PANELS.map((panel, index) => {
            const values = data[panel.key], [low, high] = rangeOf(values, panel.key === "temperature" ? 4 : 0.4);
            const y0 = top + index * (tall + gap);
            const y = (value) => y0 + tall - (value - low) / (high - low) * tall;
            element("text", { x: left, y: y0 - 5, class: "name" }, svg, data.texts[panel.key]);
            const [ticks, digits] = ticksOf(low, high);
            for (const tick of ticks) {
                element("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "gridline" }, svg);
                element("text", { x: left - 6, y: y(tick) + 4, class: "tick", "text-anchor": "end" }, svg, this.number(tick, digits));
            }
            const points = data.time.map((time, i) => values[i] === null ? null : `${this.x(time).toFixed(1)},${y(values[i]).toFixed(1)}`);
            element("polyline", { points: points.filter(Boolean).join(" "), class: "ghost", stroke: panel.colour }, svg);
            const drawn = element("polyline", { class: "drawn", stroke: panel.colour }, svg);
            const dot = element("circle", { r: 4.2, fill: panel.colour, class: "dot" }, svg);
            return { ...panel, values, points, drawn, dot, y };
        });
        const [ticks] = ticksOf(0, Math.max(1, this.end / 60));
        for (const minutes of ticks) {
            element("text", { x: this.x(minutes * 60), y: height - 10, class: "tick", "text-anchor": "middle" }, svg, this.number(minutes, 0));
        }
        element("text", { x: width - right, y: height - 10, class: "tick unit", "text-anchor": "end" }, svg, data.texts.minutes);
        this.cursor = element("line", { y1: top, y2: height - 26, class: "cursor" }, svg);
        for (const mark of data.marks || []) {
            element("line", { x1: this.x(mark.time), x2: this.x(mark.time), y1: top, y2: height - 26, class: "mark" }, svg);
            element("text", { x: this.x(mark.time) + 4, y: height - 30, class: "tick" }, svg, mark.text);
        }
        this.go(this.place);
    }

    at(values, place) {
        const { time } = this.data;
        let i = time.findIndex((moment) => moment >= place);
        if (i < 0) i = time.length - 1;
        if (i <= 0) return values[0] ?? null;
        const [a, b] = [values[i - 1], values[i]];
        if (a === null || b === null) return b ?? a;
        const span = time[i] - time[i - 1];
        return span > 0 ? a + (b - a) * (place - time[i - 1]) / span : b;
    }

    go(place) {
        this.place = place;
        const { data } = this;
        if (!data || !data.time.length) return;
        const x = this.x(place);
        this.cursor.setAttribute("x1", x);
        this.cursor.setAttribute("x2", x);
        const now = {};
        for (const panel of this.lines) {
            const value = this.at(panel.values, place);
            now[panel.key] = value;
            panel.drawn.setAttribute("points", panel.points.filter((point, i) => point && data.time[i] <= place).join(" ")
                + (value === null ? "" : ` ${x.toFixed(1)},${panel.y(value).toFixed(1)}`));
            panel.dot.setAttribute("cx", x);
            panel.dot.setAttribute("cy", value === null ? -20 : panel.y(value));
        }
        this.q("scrub").value = place;
        this.q("scrub").style.setProperty("--done", `${this.end ? place / this.end * 100 : 0}%`);
        this.q("clock").textContent = `${this.number(place / 60, 1)} ${data.texts.minutes}`;
        this.battery(this.at(data.level, place), now);
    }

    battery(level, now) {
        const { data } = this, share = Math.min(1, Math.max(0, level ?? 0));
        const colour = colourOf(now.temperature), fill = this.q("fill");
        fill.style.transform = `scaleY(${share})`;
        fill.style.fill = colour;
        this.q("percent").textContent = level === null ? "—" : `${this.number(share * 100, 0)} %`;
        this.q("mercury").style.transform = `scaleY(${now.temperature === null ? 0 : Math.min(1, Math.max(0.04, now.temperature / 60))})`;
        this.q("mercury").style.fill = colour;
        this.q("bulb").style.fill = colour;
        const flow = now.current === null || Math.abs(now.current) < 0.05 ? "rest" : now.current > 0 ? "charge" : "discharge";
        this.q("flow").textContent = { rest: "■", charge: "▲", discharge: "▼" }[flow] + " " + data.texts[flow];
        const health = data.health === null ? 0 : Math.min(1, Math.max(0, data.health / 100));
        this.q("ring").style.strokeDasharray = `${health * 100} 100`;
        this.q("health").textContent = data.health === null ? "—" : `${this.number(data.health, 1)} %`;
        this.q("level").textContent = level === null ? "—" : `${this.number(share * 100, 0)} %`;
        const word = now.temperature === null ? "" : data.texts[now.temperature < 15 ? "cold" : now.temperature < 35 ? "mild" : now.temperature < 45 ? "warm" : "hot"];
        this.q("heat").textContent = now.temperature === null ? "—" : `${this.number(now.temperature, 1)} °C · ${word}`;
        this.q("figure").setAttribute("aria-label", `${data.texts.level} ${this.q("level").textContent}, ${this.q("heat").textContent}`);
        for (const [key, unit, digits] of [["voltage", "V", 2], ["current", "A", 2]]) {
            this.q(key).textContent = now[key] === null ? "—" : `${this.number(now[key], digits)} ${unit}`;
            this.q(`${key}-name`).textContent = data.texts[`${key}-short`];
        }
    }
}

export default function({ parentElement, data }) {
    const root = parentElement.querySelector(".player");
    if (!root.player) root.player = new Player(root);
    root.player.show(data);
    return () => { if (!root.isConnected) { root.player.playing = false; root.player.observer.disconnect(); } };
}
