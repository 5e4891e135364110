"""A trace as a picture and as text: what `timeline` is made of.

What is drawn: `rows`, `bars`, `chefs`, `order`, `density`, `headline`. How it is drawn: `lanes`,
`marks`, `frame`, `legend`, `room`, `scale`, `figure`. `twin` says the same in words; `side_by_side`
draws two traces in the same axes, `timeline_live` one that is still going on, in a `live_figure`.
"""
