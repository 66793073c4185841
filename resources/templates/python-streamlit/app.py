import streamlit as st

from measurements import load, monthly

st.set_page_config(page_title="${templateOption:title}")
st.title("${templateOption:title}")

data = load()
stations = st.multiselect("Stations", sorted(data["station"].unique()), default=["Harbour"])
chosen = data[data["station"].isin(stations)]

st.line_chart(monthly(chosen))
st.dataframe(chosen, hide_index=True)
