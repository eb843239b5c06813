"""How well text stands out on a page, measured in the browser."""

CONTRAST = """(() => {
    const drawn = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
        drawn.clearRect(0, 0, 1, 1);
        drawn.fillStyle = colour;
        drawn.fillRect(0, 0, 1, 1);
        return drawn.getImageData(0, 0, 1, 1).data;
    };
    const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => sum + weight * linear(c[i] / 255), 0);
    const ground = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const colour = rgba(getComputedStyle(e).backgroundColor);
            if (colour[3] > 250) return colour;
        }
        return [255, 255, 255];
    };
    const skipped = 'noscript, .unseen, .skip, script, option, :disabled';
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let least = { least: 99 };
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const element = node.parentElement;
        if (!node.textContent.trim() || !element.checkVisibility() || element.closest(skipped)) continue;
        const [a, b] = [light(rgba(getComputedStyle(element).color)), light(ground(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < least.least) least = { least: ratio, text: node.textContent.trim().slice(0, 60) };
    }
    return least;
})()"""
"""The least contrast of any text against the ground that it stands on, by WCAG's formula."""
