"""Reports of a cell or of the fleet: a self-contained HTML page that prints to A4; PDF where a browser is at hand.

cell.py, fleet.py    what stands in a report, read through AAS REST alone (dashboard.reading.twin)
sheet.py, sheet.css  the page around it
plot.py              the capacity plot, as SVG
pdf.py               a browser of this machine prints it
"""
