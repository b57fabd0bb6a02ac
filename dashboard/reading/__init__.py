"""What the AAS says, in the shapes the views and reports show; nothing here draws, and nothing needs Streamlit."""
