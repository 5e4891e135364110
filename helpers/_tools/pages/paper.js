document.querySelectorAll("details").forEach(each => { each.open = true; });
draw(680, 900, 1);
